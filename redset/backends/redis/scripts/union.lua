-- Add the entries of other sets.
-- KEYS[1]  the set
-- KEYS[2]  scratch key
-- KEYS[3…] the other sets
-- ARGV[1]  which score a member that is there gets: '' the other's, NX its own,
--          LT the lower, GT the higher
-- Reply    how many members were new
local before = redis.call('ZCARD', KEYS[1])
for i = 3, #KEYS do
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
return redis.call('ZCARD', KEYS[1]) - before
