-- Give a set another name, as rename.lua does, and seal the one that it had.
-- KEYS     those of clear.lua for the set, and for the other name; the latest fencing tokens of
--          both; number of the next parcel of the other name, and its size
-- ARGV[1]  the other name
-- Reply    1 if it is done, 0 if something has the other name
-- include renaming
if is_sealed(KEYS[1]) then return 1 end
check_seal(KEYS[1])
if is_there(half + 1) then return 0 end

if is_there(1) then
  rename_all()
  local latest = string.match(redis.call('GET', KEYS[#KEYS]) or '', '^%d+')
  redis.call('SET', KEYS[#KEYS], next_number(latest) .. ' 0')
else
  redis.call('DEL', unpack(KEYS, 1, half - 2))
end
redis.call('SET', KEYS[1], SEAL .. ' by redset, which handed it over as ' .. ARGV[1])
wake(KEYS[half - 1], KEYS[half], 64)
return 1
