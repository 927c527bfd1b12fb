-- Make a key that waits in the set a dead letter, if it has a payload; see bury.lua.
-- ARGV[1]  the limit
-- ARGV[2]  the member
-- ARGV[3]  details
-- ARGV[4…] the payload that it is to have, and the one that is kept of it
-- Reply    how many dead letters were dropped; nil if it is not there, or has another payload
local expected, kept = unpack(given_payloads())
local member = ARGV[2]
if not redis.call('ZSCORE', SET, member) or redis.call('HGET', ITEMS, member) ~= expected then
  return false
end
redis.call('HSET', DEAD_ITEMS, member, kept)

local function plain()
local KEYS = {DEAD, LETTERS, SET}
-- include bury
end

local count = plain()
discard(SET, {member})
return count
