-- End claims whose members are done with.
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag of the merge rule
-- ARGV[3…] pairs of member and token
-- Reply    a 1 or 0 for each, whether it was held
local before = answered()
if before then return before end
local flags, back = acknowledge(3, ARGV[2])
wake(KEYS[7], KEYS[8], back)
return answer(flags)
