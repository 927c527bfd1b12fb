-- Remove a keyed set with all that is kept for it; see clear.lua.
-- KEYS[15…] as clear.lua
local KEYS = {unpack(KEYS, 15)}
-- include clear
