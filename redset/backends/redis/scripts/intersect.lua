-- Remove members that are not in all of the other sets; scores stay.
-- KEYS[1]  the set
-- KEYS[2]  scratch key
-- KEYS[3…] the other sets
-- Reply    how many were removed
local before = redis.call('ZCARD', KEYS[1])
for i = 3, #KEYS do
  redis.call('ZDIFFSTORE', KEYS[2], 2, KEYS[1], KEYS[i])
  redis.call('ZDIFFSTORE', KEYS[1], 2, KEYS[1], KEYS[2])
end
redis.call('DEL', KEYS[2])
return before - redis.call('ZCARD', KEYS[1])
