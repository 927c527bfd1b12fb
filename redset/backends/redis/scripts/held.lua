-- List claims, the lease that is the first to run out first.
-- KEYS[1]  claims: member by deadline
-- KEYS[2]  their details: hash of member to token, attempt, score
-- ARGV[1]  first position
-- ARGV[2]  last position
-- Reply    the time, then member, deadline, details, …
local held = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
local reply = {now()}
for i = 1, #held, 2 do
  table.insert(reply, held[i])
  table.insert(reply, held[i + 1])
  table.insert(reply, redis.call('HGET', KEYS[2], held[i]))
end
return reply
