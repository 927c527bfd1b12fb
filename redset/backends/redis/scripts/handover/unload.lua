-- Remove the members of the parcel that is the next, with all that is kept for them.
-- ARGV[1]  number of the parcel
-- ARGV[2…] members
-- Reply    1 if it was the next, else 0
local number = string.match(redis.call('GET', PARCEL) or '', '^%d+')
if number ~= ARGV[1] then return 0 end

for place = 1, PLACES do
  redis.call(place > HOLDING and 'HDEL' or 'ZREM', KEYS[place], unpack(ARGV, 2))
end
redis.call('SET', PARCEL, string.format('%.0f', number + 1) .. ' 0')
if redis.call('EXISTS', unpack(KEYS, 1, HOLDING)) == 0 then
  -- What others have taken leaves its payload behind, and attempts.
  redis.call('DEL', unpack(KEYS, 1, PLACES))
  redis.call('PEXPIRE', PARCEL, LIFE)
end
return 1
