-- Return dead letters with their payloads; see dead.lua.
-- Reply    what that replies, the payloads
local function plain()
local KEYS = {DEAD, LETTERS}
-- include dead
end

local reply, members = plain(), {}
for i = 1, #reply, 3 do members[#members + 1] = reply[i] end
return {reply, payloads_of(DEAD_ITEMS, members)}
