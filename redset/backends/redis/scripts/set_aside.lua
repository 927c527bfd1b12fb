-- Make a member that waits in the set a dead letter; see bury.lua.
-- KEYS     as bury.lua
-- ARGV[1]  the limit
-- ARGV[2]  the member
-- ARGV[3]  details
-- Reply    how many dead letters were dropped; nil if it is not there
if not redis.call('ZSCORE', KEYS[3], ARGV[2]) then return false end

local function plain()
-- include bury
end

local count = plain()
redis.call('ZREM', KEYS[3], ARGV[2])
return count
