-- Add keys with their payloads, and their scores or due times; see add.lua.
-- KEYS[15] record of the request; absent if it may have its effect again
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag for members that are there: '', NX, LT or GT
-- ARGV[3…] pairs of score ('' for now) and member, then the payloads
-- Reply    how many were new, the time
local before = KEYS[15] and answered()
if before then return before end

local payloads = given_payloads()
local present = now()
local new = 0
for i, payload in ipairs(payloads) do
  local score, member = ARGV[2 * i + 1], ARGV[2 * i + 2]
  if score == '' then score = present end
  keep(member, payload, ARGV[2], score, true)
  new = new + add(SET, ARGV[2], score, member)
end
wake(WAKE, WAITING, #payloads)
local words = new .. ' ' .. present
return KEYS[15] and answer(words) or words
