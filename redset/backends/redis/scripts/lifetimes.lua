-- Read scores together with the time.
-- KEYS[1]  the set
-- ARGV     members
-- Reply    the time, the list of scores (nil for absent members)
return {now(), redis.call('ZMSCORE', KEYS[1], unpack(ARGV))}
