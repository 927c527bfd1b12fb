-- End claims whose members are done with.
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag of the merge rule
-- ARGV[3…] pairs of member and token
-- Reply    a 1 or 0 for each, whether it was held
local flags, back = acknowledge(3, ARGV[2], redis.call('EXISTS', PARKED) == 1)
if not string.find(flags, '1', 1, true) then
  -- If this was sent before, it was done then.
  local before = answered()
  if before then return before end
end
wake(WAKE, WAITING, back)
return answer(flags)
