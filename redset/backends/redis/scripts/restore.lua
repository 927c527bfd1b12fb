-- Store dead letters as they were elsewhere, with the times that they had there.
-- KEYS[1]  dead letters: member by time
-- KEYS[2]  their details: hash of member to score, attempts, line feed, reason
-- KEYS[3]  the set
-- KEYS[4]  their payloads; absent for those of a set without keys
-- ARGV     time, member and details of each, and its payload if they have some
-- Reply    how many were new
check_seal(KEYS[3])
local new = 0
for i = 1, #ARGV, KEYS[4] and 4 or 3 do
  new = new + redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[2], ARGV[i + 1], ARGV[i + 2])
  if KEYS[4] then redis.call('HSET', KEYS[4], ARGV[i + 1], ARGV[i + 3]) end
end
return new
