-- Remove members, counting those with a score from a bound on.
-- KEYS[1]  the set
-- ARGV[1]  the bound: a score, or "now" for later than now
-- ARGV[2…] members
-- Reply    how many were counted
local later = ARGV[1] == 'now'
local low = number(later and now() or ARGV[1])
local counted = 0
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score then
    score = number(score)
    if score > low or (score == low and not later) then counted = counted + 1 end
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return counted
