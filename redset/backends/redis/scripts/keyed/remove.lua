-- Remove keys, wherever they wait; see remove.lua.
local function plain()
local KEYS = {SET, PARKED, DELAYED, DETAILS, ATTEMPTS}
-- include remove
end

local counted = plain()
drop(ITEMS, ARGV, 2)
return counted
