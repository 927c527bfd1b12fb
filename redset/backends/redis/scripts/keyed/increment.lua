-- Add to the score of a key, as an add of the sum would.
-- ARGV[1]  how much
-- ARGV[2]  the member, then the payload
-- Reply    the new score
local payload = given_payloads()[1]
local over = takes_place(ARGV[2], '', ARGV[1], true)
-- What is no number raises an error, and changes nothing.
local score = redis.call('ZINCRBY', SET, ARGV[1], ARGV[2])
put(ARGV[2], payload, over)
return score
