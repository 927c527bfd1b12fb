-- Add the entries of other keyed sets, with their payloads.
-- KEYS[15…] of each other set: the set, its claims' details, payloads, payloads of claims; and
--           last a scratch key
-- ARGV[1]  ZADD flag for members that are there: '', NX, LT or GT
-- Reply    how many members were new
for i = 15, #KEYS - 1, 4 do
  if is_plain(unpack(KEYS, i, i + 3)) then
    return redis.error_reply('KEYING ' .. (i - 11) / 4)
  end
end

local before = redis.call('ZCARD', SET)
for i = 15, #KEYS - 1, 4 do
  for first = 0, redis.call('ZCARD', KEYS[i]) - 1, 1000 do
    local entries = redis.call('ZRANGE', KEYS[i], first, first + 999, 'WITHSCORES')
    local members = members_of(entries)
    local payloads = payloads_of(KEYS[i + 2], members)
    for j, member in ipairs(members) do
      keep(member, payloads[j], ARGV[1], entries[2 * j], true)
      add(SET, ARGV[1], entries[2 * j], member)
    end
  end
end
wake(WAKE, WAITING, redis.call('ZCARD', SET))
return redis.call('ZCARD', SET) - before
