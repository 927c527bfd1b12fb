-- Return entries of the set with payloads, as a command finds them.
-- ARGV[1]  the command
-- ARGV[2…] its arguments beside the key
-- Reply    member, score, …; the payloads
return with_payloads(redis.call(ARGV[1], SET, unpack(ARGV, 2)))
