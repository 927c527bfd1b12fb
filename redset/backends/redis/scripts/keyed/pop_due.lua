-- Remove and return the first keys that are due, with payloads; see pop_due.lua.
-- Reply    what that replies, the payloads
local function plain()
local KEYS = {SET, WAITING}
-- include pop_due
end

local reply = plain()
local members = members_of(reply, 2)
local payloads = payloads_of(ITEMS, members)
left(members)
if #members == 0 then tidy() end
return {reply, payloads}
