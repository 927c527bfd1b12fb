-- Remove keys that are in any of the other keyed sets; see algebra/subtract.lua.
-- include keyed/combine
local function plain()
local KEYS = PLAIN_KEYS
-- include algebra/prelude
-- include algebra/subtract
end

local gone = waiting_by('ZINTER')
local removed = plain()
drop(ITEMS, gone)
return removed
