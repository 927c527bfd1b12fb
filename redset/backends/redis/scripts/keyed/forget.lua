-- Drop dead letters for good, with their payloads; see forget.lua.
drop(DEAD_ITEMS, ARGV)
local KEYS = {DEAD, LETTERS}
-- include forget
