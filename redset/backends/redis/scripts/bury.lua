-- Store dead letters, dropping the oldest beyond a limit, at most a thousand.
-- KEYS[1]  dead letters: member by time
-- KEYS[2]  their details: hash of member to score, attempts, line feed, reason
-- KEYS[3]  the set
-- ARGV[1]  the limit
-- ARGV[2…] pairs of member and details
-- Reply    how many were dropped
check_seal(KEYS[3])
local present = now()
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], present, ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
local dropped = trim(KEYS[1], KEYS[2], ARGV[1])
return dropped
