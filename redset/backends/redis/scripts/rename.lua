-- Give a set another name, with all that is kept for it.
-- KEYS     those of clear.lua for the set, and for the other name; the latest fencing tokens of
--          both; record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  1 to replace what has the other name, else 0
-- Reply    1 if it was done, 0 if something has the other name, '' if there is nothing to rename
local before = answered()
if before then return before end

local half = (#KEYS - 3) / 2
-- As in clear.lua, the first four say whether there is anything; the last two are of who waits.
local function is_there(first) return redis.call('EXISTS', unpack(KEYS, first, first + 3)) > 0 end
if not is_there(1) then return answer('') end
if ARGV[2] ~= '1' and is_there(half + 1) then return answer('0') end

redis.call('DEL', unpack(KEYS, half + 1, 2 * half - 2))
for i = 1, half - 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('RENAME', KEYS[i], KEYS[half + i]) end
end

-- Tokens never fall, under neither name.
local token, other = KEYS[2 * half + 1], KEYS[2 * half + 2]
local latest = redis.call('GET', token)
if latest then
  local life = math.max(redis.call('PTTL', token), redis.call('PTTL', other))
  local rival = redis.call('GET', other)
  if rival and rival > latest then latest = rival end
  redis.call('SET', other, latest, 'PX', life)
end
wake(KEYS[2 * half - 1], KEYS[2 * half], redis.call('ZCARD', KEYS[half + 1]))
return answer('1')
