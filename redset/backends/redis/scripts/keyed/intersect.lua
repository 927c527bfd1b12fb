-- Remove keys that are not in all of the other keyed sets; see algebra/intersect.lua.
-- include keyed/combine
local function plain()
local KEYS = PLAIN_KEYS
-- include algebra/prelude
-- include algebra/intersect
end

local gone = waiting_by('ZDIFF')
local removed = plain()
drop(ITEMS, gone)
return removed
