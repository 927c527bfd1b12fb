-- Drop dead letters for good.
-- KEYS[1]  dead letters: member by time
-- KEYS[2]  their details
-- ARGV     members
-- Reply    how many there were
local dropped = 0
for _, member in ipairs(ARGV) do
  dropped = dropped + redis.call('ZREM', KEYS[1], member)
  redis.call('HDEL', KEYS[2], member)
end
return dropped
