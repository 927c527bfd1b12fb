-- Remove and return the first members that are due.
-- KEYS[1]  the set
-- KEYS[2]  note that somebody waits
-- ARGV[1]  upper bound of scores: "now" or "inf"
-- ARGV[2]  how many at most
-- ARGV[3]  for how many milliseconds the caller will wait if there are none; 0 for not at all
-- ARGV[4]  absent, or up to which score as many as these were read before in one transaction
-- Reply    seconds until the next member is due ('' for no member), then member, score, …;
--          or, if these were read, how many
local due = count_to(KEYS[1], ARGV[1])
if due > 0 then
  local num = math.min(due, tonumber(ARGV[2]))
  if ARGV[4] and count_to(KEYS[1], ARGV[4]) >= num then
    return {'', discard_ranks(KEYS[1], 0, num - 1)}
  end
  local popped = redis.call('ZPOPMIN', KEYS[1], num)
  table.insert(popped, 1, '')
  return popped
end
note_waiting(KEYS[2], ARGV[3])
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next == 0 or next[2] == 'inf' then return {''} end
return {string.format('%.6f', tonumber(next[2]) - tonumber(now()))}
