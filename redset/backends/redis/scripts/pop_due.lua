-- Remove and return the first members that are due.
-- KEYS[1]  the set
-- KEYS[2]  note that somebody waits
-- ARGV[1]  how many at most
-- ARGV[2]  for how many milliseconds the caller will wait if there are none; 0 for not at all
-- Reply    seconds until the next member is due ('' for no member), then member, score, …
local due = redis.call('ZCOUNT', KEYS[1], '-inf', now())
if due > 0 then
  local popped = redis.call('ZPOPMIN', KEYS[1], math.min(due, tonumber(ARGV[1])))
  table.insert(popped, 1, '')
  return popped
end
if ARGV[2] ~= '0' then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next == 0 or next[2] == 'inf' then return {''} end
return {string.format('%.6f', tonumber(next[2]) - tonumber(now()))}
