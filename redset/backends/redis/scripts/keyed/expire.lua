-- Let a keyed set go at a time; see expire.lua.
-- KEYS[15…] as expire.lua
local KEYS = {unpack(KEYS, 15)}
-- include expire
