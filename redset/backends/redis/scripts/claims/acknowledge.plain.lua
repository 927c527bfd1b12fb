-- Tried before claims/acknowledge.lua, of whose arguments and reply it is: end claims that are all
-- held. False, and nothing changed, if one is not, or if anything is parked. What is held back has 0
-- in the place of a token.
local call, sub = redis.call, string.sub
if call('EXISTS', KEYS[4]) == 1 then return false end
local members, seen = {}, {}
for i = 3, #ARGV, 2 do members[#members + 1] = ARGV[i] end
for i, details in ipairs(call('HMGET', KEYS[3], unpack(members))) do
  local token = ARGV[2 + 2 * i] .. ' '
  if not details or token == '0 ' or sub(details, 1, #token) ~= token or seen[members[i]] then
    return false
  end
  seen[members[i]] = true
end
call('ZREM', KEYS[2], unpack(members))
call('HDEL', KEYS[3], unpack(members))
-- The effect is there by now: a server out of memory must not hide that.
local flags = string.rep('1', #members)
redis.pcall('SET', KEYS[#KEYS], ARGV[1] .. ' ' .. flags, 'PX', 300000)
return flags
