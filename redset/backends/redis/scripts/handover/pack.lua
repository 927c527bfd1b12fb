-- Read some members, with all that is kept for them: the same ones until they are unloaded.
-- ARGV[1]  how many at most
-- Reply    number of the parcel; the latest fencing token; for each of the first eleven keys, and
--          last for the token, the unix milliseconds at which it expires, inf for never, -inf if
--          there is none; the members; for each of these keys what it has of each member
local number, size = string.match(redis.call('GET', PARCEL) or '', '^(%d+) (%d+)$')
if not number then number = next_number() end
if not size or size == '0' then size = ARGV[1] end

local members, seen = {}, {}
for place = 1, HOLDING do
  local left = size - #members
  for _, member in ipairs(left > 0 and redis.call('ZRANGE', KEYS[place], 0, left - 1) or {}) do
    if not seen[member] then
      members[#members + 1], seen[member] = member, true
    end
  end
end

local ends, fields = {}, {}
local present = math.floor(now() * 1000)
for i = 1, PLACES + 1 do
  local left = redis.call('PTTL', i > PLACES and TOKEN or KEYS[i])
  ends[i] = left == -2 and '-inf' or left == -1 and 'inf' or string.format('%.0f', present + left)
end
if #members > 0 then
  redis.call('SET', PARCEL, number .. ' ' .. size)
  for place = 1, PLACES do
    fields[place] = redis.call(place > HOLDING and 'HMGET' or 'ZMSCORE', KEYS[place], unpack(members))
  end
else
  -- What is kept for members that others have taken, or whose time has come.
  redis.call('DEL', unpack(KEYS, 1, PLACES))
end
return {number, string.match(redis.call('GET', TOKEN) or '0', '^%d+'), ends, members, fields}
