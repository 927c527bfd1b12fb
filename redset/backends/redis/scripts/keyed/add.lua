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
local function score_at(i)
  local score = ARGV[2 * i + 1]
  return score == '' and present or score
end

local new = 0
if RULE == 'newest' then
  -- No payload depends on another: in parts that the Lua stack can hold.
  for first = 1, #payloads, 1000 do
    local entries, items = {}, {}
    if ARGV[2] ~= '' then entries[1] = ARGV[2] end
    for i = first, math.min(first + 999, #payloads) do
      local member = ARGV[2 * i + 2]
      entries[#entries + 1], entries[#entries + 2] = score_at(i), member
      if payloads[i] then items[#items + 1], items[#items + 2] = member, payloads[i] end
    end
    if #items > 0 then redis.call('HSET', ITEMS, unpack(items)) end
    new = new + redis.call('ZADD', SET, unpack(entries))
  end
else
  for i, payload in ipairs(payloads) do
    local score, member = score_at(i), ARGV[2 * i + 2]
    keep(member, payload, ARGV[2], score, true)
    new = new + add(SET, ARGV[2], score, member)
  end
end
wake(WAKE, WAITING, #payloads)
local words = new .. ' ' .. present
return KEYS[15] and answer(words) or words
