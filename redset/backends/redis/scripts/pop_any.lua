-- Remove and return the first member of the first set that has one in reach.
-- KEYS     the sets, then for each a note that somebody waits, then the record of the request
-- ARGV[1]  number of the request
-- ARGV[2]  for how many milliseconds the caller will wait if there is none; 0 for not at all
-- ARGV[3…] for each set the upper bound of scores: "now" or "inf"
-- Reply    place of the set from 0 on, score, member, parted by spaces; without any, -1, and
--          the seconds until one is due
local before = answered()
if before then return before end

local count = #ARGV - 2
local pause = math.huge
for i = 1, count do
  local member, score = unpack(redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES'))
  if member then
    local left = ARGV[i + 2] == 'now' and number(score) - tonumber(now()) or 0
    if left <= 0 then
      redis.call('ZREM', KEYS[i], member)
      return answer(i - 1 .. ' ' .. score .. ' ' .. member)
    end
    pause = math.min(pause, left)
  end
end
for i = 1, count do note_waiting(KEYS[count + i], ARGV[2]) end
return answer('-1 ' .. (pause < math.huge and string.format('%.6f', pause) or 'inf'))
