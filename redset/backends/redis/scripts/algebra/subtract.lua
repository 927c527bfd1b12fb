-- Remove members that are in any of the other sets, be they in the set, parked or delayed.
-- Reply    how many were removed
local apart = drop_apart('ZINTER')
local before = redis.call('ZCARD', SET)
replace('ZDIFFSTORE', SET, #KEYS - FIRST + 2, SET, unpack(KEYS, FIRST))
forget_attempts()
return before - redis.call('ZCARD', SET) + apart
