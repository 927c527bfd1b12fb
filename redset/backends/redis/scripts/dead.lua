-- Return dead letters, oldest first.
-- KEYS[1]  dead letters: member by time
-- KEYS[2]  their details: hash of member to score, attempts, line feed, reason
-- ARGV[1]  first position
-- ARGV[2]  last position
-- Reply    member, time, details, …
local letters = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
local reply = {}
for i = 1, #letters, 2 do
  table.insert(reply, letters[i])
  table.insert(reply, letters[i + 1])
  table.insert(reply, redis.call('HGET', KEYS[2], letters[i]))
end
return reply
