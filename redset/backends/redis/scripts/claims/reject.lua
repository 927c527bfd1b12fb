-- End claims and make their members dead letters.
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag of the merge rule
-- ARGV[3]  how many dead letters to keep
-- ARGV[4…] triples of member, token and reason
-- Reply    a 1 or 0 for each, whether it was held; and how many dead letters were dropped
local before = answered()
if before then return before end

local present = now()
local flags, back, buried = '', 0, false
for i = 4, #ARGV, 3 do
  local member = ARGV[i]
  local details = redis.call('HGET', DETAILS, member)
  local held = is_held(details, ARGV[i + 1])
  flags = flags .. (held and '1' or '0')
  if held then
    local _, attempt, score = parse(details)
    bury(member, attempt, score, ARGV[i + 2], present)
    buried = true
    if unpark(member, ARGV[2]) then back = back + 1 end
    finish(member)
  end
end
wake(WAKE, WAITING, back)
return answer(flags .. ' ' .. (buried and trim(DEAD, LETTERS, ARGV[3]) or 0))
