-- Remove and return the last keys with payloads.
-- ARGV[1]  how many at most
-- Reply    member, score, …; the payloads
local popped = redis.call('ZPOPMAX', SET, ARGV[1])
local reply = with_payloads(popped)
left(members_of(popped))
return reply
