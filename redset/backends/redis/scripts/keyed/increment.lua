-- Add to the score of a key, as an add of the sum would; see increment.lua.
-- KEYS[15] record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  how much
-- ARGV[3]  the member, then the payload
-- Reply    the new score
local before = answered()
if before then return before end

local payload = given_payloads()[1]
local over = takes_place(ARGV[3], '', ARGV[2], true)
-- What is no number raises an error, and changes nothing.
local score = redis.call('ZINCRBY', SET, ARGV[2], ARGV[3])
put(ARGV[3], payload, over)
wake(WAKE, WAITING, 1)
return answer(score)
