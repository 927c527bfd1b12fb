-- Give a set another name, as rename.lua does, and seal the one that it had.
-- KEYS     those of clear.lua for the set, and for the other name; the latest fencing tokens of both
-- ARGV[1]  the other name
-- ARGV[2]  for how many milliseconds to seal
-- Reply    1 if it is done, 0 if something has the other name
-- include renaming
if is_sealed(KEYS[1]) then return 1 end
check_seal(KEYS[1])
if is_there(half + 1) then return 0 end

if is_there(1) then
  rename_all()
  -- Numbers go on if the same name is sealed again.
  local time = redis.call('TIME')
  local number = time[1] .. string.format('%06d', time[2])
  redis.call('SET', KEYS[half + 12], number .. ' 0')
else
  redis.call('DEL', unpack(KEYS, 1, half - 2))
end
redis.call('SET', KEYS[1], SEAL .. ' by redset, which handed it over as ' .. ARGV[1], 'PX', ARGV[2])
wake(KEYS[half - 1], KEYS[half], 64)
return 1
