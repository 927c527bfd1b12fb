-- Let go in a day the seal of a name, and the numbers of next parcels.
-- KEYS[1]  the name
-- KEYS[2]  number of the next parcel of a set of this name, and its size
-- KEYS[3]  number of the next parcel of the set that had it, and its size
-- Reply    1
if is_sealed(KEYS[1]) and not layout_of(KEYS[1]) then redis.call('PEXPIRE', KEYS[1], LIFE) end
redis.call('PEXPIRE', KEYS[2], LIFE)
redis.call('PEXPIRE', KEYS[3], LIFE)
return 1
