-- Add the entries of other sets.
-- KEYS[1]  the set
-- KEYS[2]  scratch key
-- KEYS[3]  list of wake-up tokens
-- KEYS[4]  note that somebody waits
-- KEYS[5…] the other sets
-- ARGV[1]  which score a member that is there gets: '' the other's, NX its own,
--          LT the lower, GT the higher
-- Reply    how many members were new
local before = redis.call('ZCARD', KEYS[1])
for i = 5, #KEYS do
  if ARGV[1] == 'LT' then
    redis.call('ZUNIONSTORE', KEYS[1], 2, KEYS[1], KEYS[i], 'AGGREGATE', 'MIN')
  elseif ARGV[1] == 'GT' then
    redis.call('ZUNIONSTORE', KEYS[1], 2, KEYS[1], KEYS[i], 'AGGREGATE', 'MAX')
  elseif ARGV[1] == 'NX' then
    redis.call('ZDIFFSTORE', KEYS[2], 2, KEYS[i], KEYS[1])
    redis.call('ZUNIONSTORE', KEYS[1], 2, KEYS[1], KEYS[2])
  else
    redis.call('ZDIFFSTORE', KEYS[2], 2, KEYS[1], KEYS[i])
    redis.call('ZUNIONSTORE', KEYS[1], 2, KEYS[2], KEYS[i])
  end
end
redis.call('DEL', KEYS[2])
wake(KEYS[3], KEYS[4], redis.call('ZCARD', KEYS[1]))
return redis.call('ZCARD', KEYS[1]) - before
