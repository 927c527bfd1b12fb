-- Remove a set with all that is kept for it.
-- KEYS[1]  the set
-- KEYS[2]  dead letters
-- KEYS[3…] what else is kept
-- Reply    1 if there was a member or a dead letter, else 0
local found = redis.call('EXISTS', KEYS[1], KEYS[2])
redis.call('DEL', unpack(KEYS))
return math.min(found, 1)
