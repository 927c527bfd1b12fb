-- Remove and return the first key of the first keyed set that has one in reach; see pop_any.lua.
-- KEYS[15…] for each set: the set, its claims' details, payloads, payloads of claims, what is
--           parked, what is delayed, a note that somebody waits; then the record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  for how many milliseconds the caller will wait if there is none; 0 for not at all
-- ARGV[3…] for each set the upper bound of scores: "now" or "inf"
-- Reply    place of the set from 0 on, space, then as that of keyed/pop_into.lua; without any, -1,
--          space, the seconds until one is due
for i = 15, #KEYS - 1, 7 do
  local place = (i - 15) / 7
  if is_plain(place, unpack(KEYS, i, i + 3)) then return redis.error_reply('KEYING ' .. place) end
end
local before = answered()
if before then return before end

local pause = math.huge
for i = 15, #KEYS - 1, 7 do
  local set, details, items, _, parked, delayed = unpack(KEYS, i, i + 5)
  local place = (i - 15) / 7
  local member, score = unpack(redis.call('ZRANGE', set, 0, 0, 'WITHSCORES'))
  if member then
    local left = ARGV[place + 3] == 'now' and number(score) - tonumber(now()) or 0
    if left <= 0 then
      local payload = redis.call('HGET', items, member)
      redis.call('ZREM', set, member)
      if not score_apart(member, parked, delayed, details) then
        redis.call('HDEL', items, member)
      end
      outlast(items, set, parked, delayed)
      return answer(place .. ' ' .. score .. ' ' .. #member .. ' ' .. member
        .. (payload and '1' .. payload or '0'))
    end
    pause = math.min(pause, left)
  end
end
for i = 15, #KEYS - 1, 7 do note_waiting(KEYS[i + 6], ARGV[2]) end
return answer('-1 ' .. (pause < math.huge and string.format('%.6f', pause) or 'inf'))
