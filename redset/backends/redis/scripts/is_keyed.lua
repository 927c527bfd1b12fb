-- Look whether a set is there, and has payloads.
-- KEYS[1]  the set
-- KEYS[2]  details of what is claimed or held back
-- KEYS[3]  payloads of what waits
-- KEYS[4]  payloads of what is claimed
-- Reply    how many of the first two keys there are, how many of the others
if is_sealed(KEYS[1]) then check_seal(KEYS[1]) end
return {redis.call('EXISTS', KEYS[1], KEYS[2]), redis.call('EXISTS', KEYS[3], KEYS[4])}
