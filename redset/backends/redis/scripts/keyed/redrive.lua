-- Put dead letters back into their set with their payloads, which are older than what waits;
-- see redrive.lua.
local plain_add = add
add = function(key, flag, score, member)
  keep(member, redis.call('HGET', DEAD_ITEMS, member) or member, flag, score, false)
  return plain_add(key, flag, score, member)
end

local function plain()
local KEYS = {SET, DEAD, LETTERS, WAKE, WAITING}
-- include redrive
end

local moved = plain()
drop(DEAD_ITEMS, ARGV, 2)
return moved
