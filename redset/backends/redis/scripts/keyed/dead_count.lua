-- Count dead letters.
-- Reply    how many there are
return redis.call('ZCARD', DEAD)
