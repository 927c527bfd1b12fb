-- Add members with their scores or due times, and wake waiting consumers.
-- KEYS[1]  the set
-- KEYS[2]  list of wake-up tokens
-- KEYS[3]  note that somebody waits
-- KEYS[4]  record of the request; absent if it may have its effect again
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag for members that are there: '', NX, LT or GT
-- ARGV[3…] pairs of score ('' for now) and member
-- Reply    how many were new, the time
local before = KEYS[4] and answered()
if before then return before end

local present = now()
local new = 0
if #ARGV == 4 then
  new = add(KEYS[1], ARGV[2], ARGV[3] == '' and present or ARGV[3], ARGV[4])
else
  -- In parts that the Lua stack can hold.
  for first = 3, #ARGV, 2000 do
    local parts = {}
    if ARGV[2] ~= '' then parts[1] = ARGV[2] end
    for i = first, math.min(first + 1999, #ARGV), 2 do
      parts[#parts + 1] = ARGV[i] == '' and present or ARGV[i]
      parts[#parts + 1] = ARGV[i + 1]
    end
    new = new + redis.call('ZADD', KEYS[1], unpack(parts))
  end
end
wake(KEYS[2], KEYS[3], (#ARGV - 2) / 2)
local words = new .. ' ' .. present
return KEYS[4] and answer(words) or words
