-- End a claim and put its member back.
-- ARGV[1]  number of the request
-- ARGV[2]  the member
-- ARGV[3]  the token
-- ARGV[4]  ZADD flag of the merge rule
-- ARGV[5]  its new score, "now" for the delay from now, '' for its own
-- ARGV[6]  the delay in seconds
-- ARGV[7]  how many attempts it has had, '' for those that it had and this one
-- Reply    1 if the claim was held, else 0
local before = answered()
if before then return before end

local member, flag, given, delay = ARGV[2], ARGV[4], ARGV[5], tonumber(ARGV[6])
local details = redis.call('HGET', DETAILS, member)
if not is_held(details, ARGV[3]) then return answer('0') end
local _, attempt, own = parse(details)
if ARGV[7] ~= '' then attempt = ARGV[7] end

local present = now()
unpark(member, flag)
local there = redis.call('ZSCORE', SET, member)
local later = string.format('%.17g', tonumber(present) + delay)
local score = given == 'now' and later or given == '' and own or given
-- Nothing was asked for, so what was added meanwhile is the latest.
if given == '' and delay <= 0 then flag = older(flag) end
meet(member, flag, score)
if delay > 0 and given ~= 'now' and (not there or flag == '' or flag == 'GT') then
  if there then score = merged(flag, there, score) end
  redis.call('HSET', DETAILS, member, '0 ' .. attempt .. ' ' .. score)
  redis.call('ZADD', DELAYED, later, member)
  follow(DETAILS, DELAYED)
  if there then redis.call('ZREM', SET, member) end
  unclaim(member)
else
  add(SET, flag, score, member)
  note(member, attempt, delay)
  finish(member)
end
wake(WAKE, WAITING, 1)
return answer('1')
