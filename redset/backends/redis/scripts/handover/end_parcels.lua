-- Let go in a day what is known of the parcels that a set was given.
-- Reply    1
redis.call('PEXPIRE', UNPACKED, LIFE)
return 1
