-- Look the members of one set up in another, a thousand at a time, until the answer is known.
-- KEYS[1]  the set
-- KEYS[2]  the other set
-- ARGV[1]  1 to tell whether all are there, 0 whether none is
-- Reply    1 or 0
local set, other, all = KEYS[1], KEYS[2], ARGV[1] == '1'
local length, most = redis.call('ZCARD', set), redis.call('ZCARD', other)
if length > most then
  if all then return 0 end
  set, other, length = other, set, most
end
for first = 0, length - 1, 1000 do
  local members = redis.call('ZRANGE', set, first, first + 999)
  local scores = redis.call('ZMSCORE', other, unpack(members))
  for i = 1, #members do
    if all ~= (scores[i] and true or false) then return 0 end
  end
end
return 1
