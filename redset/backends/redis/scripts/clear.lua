-- Remove a set with all that is kept for it, or its seal; a layout is refused.
-- KEYS[1]  the set
-- KEYS[2]  dead letters
-- KEYS[3]  claims
-- KEYS[4]  delayed members
-- KEYS[5…] what else is kept
-- Reply    1 if there was a member, a claim or a dead letter, else 0
if layout_of(KEYS[1]) then check_seal(KEYS[1]) end
local found = redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
if is_sealed(KEYS[1]) then found = found - 1 end
redis.call('DEL', unpack(KEYS))
return math.min(found, 1)
