-- Set before the scripts that move a key with its payload from another set into this one, whose
-- claims' details and so on are those of the set that it goes to. Their own keys:
-- KEYS[15]  the set from which it goes
-- KEYS[16]  details of its claims
-- KEYS[17]  payloads of what waits there
-- KEYS[18]  payloads of what is claimed there
-- KEYS[19]  what is parked there
-- KEYS[20]  what is delayed there
-- KEYS[21]  record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag of the merge rule of the set to which it goes
local FROM, FROM_ITEMS = KEYS[15], KEYS[17]
if is_plain(1, unpack(KEYS, 15, 18)) then return redis.error_reply('KEYING 1') end

local function move(member, score)
  local payload = redis.call('HGET', FROM_ITEMS, member)
  if FROM ~= SET then
    keep(member, payload, ARGV[2], score, true)
    add(SET, ARGV[2], score, member)
    redis.call('ZREM', FROM, member)
    if not score_apart(member, KEYS[19], KEYS[20], KEYS[16]) then
      redis.call('HDEL', FROM_ITEMS, member)
    end
    outlast(FROM_ITEMS, FROM, KEYS[19], KEYS[20])
  end
  wake(WAKE, WAITING, 1)
  return payload
end
