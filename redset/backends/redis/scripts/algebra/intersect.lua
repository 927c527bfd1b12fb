-- Remove members that are not in all of the other sets, be they in the set, parked or delayed.
-- ARGV[1]  with weights, SUM, MIN or MAX; absent if scores stay
-- ARGV[2…] the weights of the set and of each of the others
-- Reply    how many were removed
local apart = drop_apart('ZDIFF')
local before = redis.call('ZCARD', SET)
if ARGV[1] then
  aggregate('ZINTERSTORE')
  wake(WAKE, WAITING, redis.call('ZCARD', SET))
else
  for i = FIRST, #KEYS do
    redis.call('ZDIFFSTORE', SCRATCH, 2, SET, KEYS[i])
    replace('ZDIFFSTORE', SET, 2, SET, SCRATCH)
  end
  redis.call('DEL', SCRATCH)
end
forget_attempts()
return before - redis.call('ZCARD', SET) + apart
