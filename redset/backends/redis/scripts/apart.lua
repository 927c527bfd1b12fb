-- List what is claimed or held back, some at a time, in any order.
-- KEYS[1]  details of these: hash of member to token, attempt, score
-- ARGV[1]  the cursor: 0 for the first, then that of the reply before
-- Reply    the cursor, 0 if that was all; then member, details, …
local cursor, found = unpack(redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000))
table.insert(found, 1, cursor)
return found
