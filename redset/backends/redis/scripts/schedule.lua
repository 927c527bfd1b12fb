-- Add members with their due times, and wake waiting consumers.
-- KEYS[1]  the set
-- KEYS[2]  list of wake-up tokens
-- KEYS[3]  note that somebody waits
-- ARGV[1]  ZADD flag for members that are there: '', NX, LT or GT
-- ARGV[2…] pairs of score ('' for now) and member
-- Reply    how many were new, the time
local present = now()
local new = 0
for i = 2, #ARGV, 2 do
  local score = ARGV[i]
  if score == '' then score = present end
  new = new + add(KEYS[1], ARGV[1], score, ARGV[i + 1])
end
wake(KEYS[2], KEYS[3], (#ARGV - 1) / 2)
return {new, present}
