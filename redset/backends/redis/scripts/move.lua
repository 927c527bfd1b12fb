-- Move a member to another set, with its score.
-- KEYS[1]  the set
-- KEYS[2]  the other set
-- KEYS[3]  its list of wake-up tokens
-- KEYS[4]  its note that somebody waits
-- KEYS[5]  record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag of the other set's merge rule
-- ARGV[3]  the member
-- Reply    1 if it was there, else 0
local before = answered()
if before then return before end

local score = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not score then return answer('0') end
add(KEYS[2], ARGV[2], score, ARGV[3])
if KEYS[1] ~= KEYS[2] then redis.call('ZREM', KEYS[1], ARGV[3]) end
wake(KEYS[3], KEYS[4], 1)
return answer('1')
