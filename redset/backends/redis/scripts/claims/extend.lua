-- Let claims last longer.
-- ARGV[1]  the lease in seconds
-- ARGV[2…] pairs of member and token
-- Reply    for each the deadline, nil if it is not held
local deadline = string.format('%.17g', tonumber(now()) + tonumber(ARGV[1]))
-- Tokens are remembered for as long as one is held. A server out of memory refuses to begin
-- with what may need some, but what is held must stay so: this comes first.
local latest, ends = latest_token()
ends = math.max(ends, (tonumber(now()) + tonumber(ARGV[1])) * 1000 + MEMORY)
redis.call('PEXPIREAT', TOKEN, string.format('%.0f', ends))
if latest > 0 then remember_token(string.format('%.0f', latest), ends) end

local reply = {}
for i = 2, #ARGV, 2 do
  local held = is_held(redis.call('HGET', DETAILS, ARGV[i]), ARGV[i + 1])
  if held then redis.call('ZADD', CLAIMS, deadline, ARGV[i]) end
  reply[#reply + 1] = held and deadline
end
return reply
