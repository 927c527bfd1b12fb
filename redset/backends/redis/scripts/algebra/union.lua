-- Add the entries of other sets.
-- ARGV[1]  which score a member that is there gets: '' the other's, NX its own,
--          LT the lower, GT the higher; with weights, SUM, MIN or MAX
-- ARGV[2…] the weights of the set and of each of the others; absent for none
-- Reply    how many members were new
local before = redis.call('ZCARD', SET)
if ARGV[2] then
  aggregate('ZUNIONSTORE')
else
  for i = FIRST, #KEYS do
    if ARGV[1] == 'LT' then
      replace('ZUNIONSTORE', SET, 2, SET, KEYS[i], 'AGGREGATE', 'MIN')
    elseif ARGV[1] == 'GT' then
      replace('ZUNIONSTORE', SET, 2, SET, KEYS[i], 'AGGREGATE', 'MAX')
    elseif ARGV[1] == 'NX' then
      redis.call('ZDIFFSTORE', SCRATCH, 2, KEYS[i], SET)
      replace('ZUNIONSTORE', SET, 2, SET, SCRATCH)
    else
      redis.call('ZDIFFSTORE', SCRATCH, 2, SET, KEYS[i])
      replace('ZUNIONSTORE', SET, 2, SCRATCH, KEYS[i])
    end
  end
  redis.call('DEL', SCRATCH)
end
wake(WAKE, WAITING, redis.call('ZCARD', SET))
return redis.call('ZCARD', SET) - before
