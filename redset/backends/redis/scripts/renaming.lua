-- Set before the scripts that give a set another name, with all that is kept for it. Their keys:
-- KEYS     those of clear.lua for the set, and for the other name; the latest fencing tokens of
--          both; a record of the request, or none
local half = math.floor((#KEYS - 2) / 2)

-- As in clear.lua, the first four say whether there is anything; the last two are of who waits.
local function is_there(first)
  return redis.call('EXISTS', unpack(KEYS, first, first + 3)) > 0
end

local function rename_all()
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
end
