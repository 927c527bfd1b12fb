-- Store dead letters as they were elsewhere, with the times that they had there.
-- KEYS[1]  dead letters: member by time
-- KEYS[2]  their details: hash of member to score, attempts, line feed, reason
-- KEYS[3]  the set
-- ARGV     triples of time, member and details
-- Reply    how many were new
check_seal(KEYS[3])
local new = 0
for i = 1, #ARGV, 3 do
  new = new + redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[2], ARGV[i + 1], ARGV[i + 2])
end
return new
