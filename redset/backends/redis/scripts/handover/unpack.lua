-- Store members as they were in another set, unless this was done before.
-- ARGV[1]  the source
-- ARGV[2]  number of the parcel
-- ARGV[3]  the latest fencing token of the source
-- ARGV[4…15] when each of the first eleven keys is to expire, and the token, in unix milliseconds;
--          inf for never
-- ARGV[16…] triples of place, from 1 to 11, member and value
-- Reply    1 if they were stored, else 0
check_seal(KEYS[1])
local latest = redis.call('HGET', UNPACKED, ARGV[1])
if latest and tonumber(latest) >= tonumber(ARGV[2]) then return 0 end

local parts, present = {}, math.floor(now() * 1000)
for place = 1, PLACES do parts[place] = {} end
for i = 16, #ARGV, 3 do
  local part, member, value = parts[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
  local is_scored = tonumber(ARGV[i]) <= HOLDING
  part[#part + 1] = is_scored and value or member
  part[#part + 1] = is_scored and member or value
end
for place, part in ipairs(parts) do
  if #part > 0 then
    local key, expiry = KEYS[place], number(ARGV[place + 3])
    local left = redis.call('PTTL', key)
    redis.call(place > HOLDING and 'HSET' or 'ZADD', key, unpack(part))
    -- The later time counts: nothing is to go before its own has come.
    if left == -2 and expiry < math.huge or left >= 0 and expiry > present + left then
      expire(key, expiry / 1000)
    end
  end
end
-- What comes may have brought some of the keys, or a later time for some, of those that go together.
follow(KEYS[6], KEYS[3], KEYS[4], KEYS[5], KEYS[10])
outlast(KEYS[9], KEYS[1], KEYS[4], KEYS[5])

if ARGV[3] ~= '0' then
  local own, ends = string.match(redis.call('GET', TOKEN) or '0 0', '^(%d+) (%d+)$')
  local token = tonumber(own) < tonumber(ARGV[3]) and ARGV[3] or own
  ends = string.format('%.0f', math.max(ends, number(ARGV[15]), present + 300000))
  redis.call('SET', TOKEN, token .. ' ' .. ends, 'PXAT', ends)
end
if #ARGV > 15 then redis.call('HSET', UNPACKED, ARGV[1], ARGV[2]) end
wake(WAKE, WAITING, (#ARGV - 15) / 3)
return 1
