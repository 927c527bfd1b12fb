-- Ask something of the set by a command.
-- ARGV[1]  the command
-- ARGV[2…] its arguments beside the key
-- Reply    what it replies
return redis.call(ARGV[1], SET, unpack(ARGV, 2))
