-- List what is claimed or held back, some at a time, in any order.
-- KEYS[1]  details of these: hash of member to token, attempt, score
-- KEYS[2]  payloads of what is claimed
-- KEYS[3]  payloads of what waits
-- KEYS[4]  what is parked
-- ARGV[1]  the cursor: 0 for the first, then that of the reply before
-- Reply    the cursor, 0 if that was all; then member, details, payload, and of what is parked
--          score and payload, …; nil where there is none
local cursor, found = unpack(redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000))
local reply = {cursor}
for i = 1, #found, 2 do
  local member, details = found[i], found[i + 1]
  local is_held_back = string.sub(details, 1, 2) == '0 '
  local waiting = redis.call('HGET', KEYS[3], member)
  local parked = redis.call('ZSCORE', KEYS[4], member)
  local held = is_held_back and waiting or redis.call('HGET', KEYS[2], member)
  for _, part in ipairs({member, details, held, parked, waiting}) do reply[#reply + 1] = part end
end
return reply
