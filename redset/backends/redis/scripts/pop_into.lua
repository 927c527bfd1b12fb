-- Move the first member to another set, with its score, if it is the one that is expected.
-- KEYS[1]  the set
-- KEYS[2]  the other set
-- KEYS[3]  its list of wake-up tokens
-- KEYS[4]  its note that somebody waits
-- KEYS[5]  record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag of the other set's merge rule
-- ARGV[3]  upper bound of scores: "now" or "inf"
-- ARGV[4]  the member that is to move
-- Reply    score, space, member; '' for none
local before = answered()
if before then return before end

local member, score = unpack(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES'))
if not member or (ARGV[3] == 'now' and number(score) > tonumber(now())) then return answer('') end
if member ~= ARGV[4] then return answer('') end
add(KEYS[2], ARGV[2], score, member)
if KEYS[1] ~= KEYS[2] then redis.call('ZREM', KEYS[1], member) end
wake(KEYS[3], KEYS[4], 1)
return answer(score .. ' ' .. member)
