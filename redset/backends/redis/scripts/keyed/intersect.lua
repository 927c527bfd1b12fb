-- Remove keys that are not in all of the other keyed sets; scores and payloads stay.
-- KEYS[15…] of each other set: the set, its claims' details, payloads, payloads of claims; and
--           last a scratch key
-- Reply    how many were removed
for i = 15, #KEYS - 1, 4 do
  if is_plain(unpack(KEYS, i, i + 3)) then
    return redis.error_reply('KEYING ' .. (i - 11) / 4)
  end
end

local scratch, removed = KEYS[#KEYS], 0
for i = 15, #KEYS - 1, 4 do
  local gone = redis.call('ZDIFFSTORE', scratch, 2, SET, KEYS[i])
  for first = 0, gone - 1, 1000 do
    discard(SET, redis.call('ZRANGE', scratch, first, first + 999))
  end
  removed = removed + gone
end
redis.call('DEL', scratch)
return removed
