-- Add to the score of a member, and wake waiting consumers.
-- KEYS[1]  the set
-- KEYS[2]  list of wake-up tokens
-- KEYS[3]  note that somebody waits
-- KEYS[4]  record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  what to add
-- ARGV[3]  the member
-- Reply    the new score
local before = answered()
if before then return before end
local score = redis.call('ZINCRBY', KEYS[1], ARGV[2], ARGV[3])
wake(KEYS[2], KEYS[3], 1)
return answer(score)
