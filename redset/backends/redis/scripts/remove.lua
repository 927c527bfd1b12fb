-- Remove members, counting those with a score from a bound on.
-- KEYS[1]  the set
-- KEYS[2]  parked members, by score; absent for none, as the rest
-- KEYS[3]  delayed members, by the time at which that ends
-- KEYS[4]  details of these: hash of member to 0, attempt, score
-- KEYS[5]  hash of member to attempts
-- ARGV[1]  the bound: a score, or "now" for later than now
-- ARGV[2…] members
-- Reply    how many were counted
local later = ARGV[1] == 'now'
local low = number(later and now() or ARGV[1])
local apart = KEYS[2] and redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[5]) > 0

local function score_of(member)
  local score = redis.call('ZSCORE', KEYS[1], member)
  if score or not apart then return score end
  return score_apart(member, KEYS[2], KEYS[3], KEYS[4])
end

local counted = 0
for i = 2, #ARGV do
  local member = ARGV[i]
  local score = score_of(member)
  if score then
    score = number(score)
    if score > low or (score == low and not later) then counted = counted + 1 end
    redis.call('ZREM', KEYS[1], member)
    if apart then
      redis.call('ZREM', KEYS[2], member)
      redis.call('HDEL', KEYS[5], member)
      if redis.call('ZREM', KEYS[3], member) == 1 then redis.call('HDEL', KEYS[4], member) end
    end
  end
end
return counted
