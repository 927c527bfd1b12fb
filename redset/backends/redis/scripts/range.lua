-- Return entries between two scores, from a place in the order on.
-- KEYS[1]  the set
-- ARGV[1]  lower bound: a score, or "now"
-- ARGV[2]  upper bound: a score, or "now"
-- ARGV[3]  how many entries to skip
-- ARGV[4]  how many to return at most; -1 for all
-- ARGV[5]  1 for descending order, else 0
-- ARGV[6]  score of the place to start after; absent for none
-- ARGV[7]  member of that place
-- Reply    member, score, …
local key = KEYS[1]
local offset, limit, reverse = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'

-- Compares bytes: the operator < would compare by the server's locale.
local function precedes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local first = count_below(key, ARGV[1])
local last = count_to(key, ARGV[2]) - 1

if ARGV[6] then
  -- Among the entries of the same score, find the first that does not precede the place.
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. ARGV[6])
  local high = low + redis.call('ZCOUNT', key, ARGV[6], ARGV[6])
  while low < high do
    local middle = math.floor((low + high) / 2)
    if precedes(redis.call('ZRANGE', key, middle, middle)[1], ARGV[7]) then
      low = middle + 1
    else
      high = middle
    end
  end
  if reverse then
    last = math.min(last, low - 1)
  else
    local here = redis.call('ZRANGE', key, low, low, 'WITHSCORES')
    if here[1] == ARGV[7] and number(here[2]) == number(ARGV[6]) then low = low + 1 end
    first = math.max(first, low)
  end
end

if reverse then
  last = last - offset
  if limit >= 0 then first = math.max(first, last - limit + 1) end
else
  first = first + offset
  if limit >= 0 then last = math.min(last, first + limit - 1) end
end
if first > last then return {} end
if not reverse then return redis.call('ZRANGE', key, first, last, 'WITHSCORES') end
local length = redis.call('ZCARD', key)
return redis.call('ZREVRANGE', key, length - 1 - last, length - 1 - first, 'WITHSCORES')
