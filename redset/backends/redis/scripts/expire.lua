-- Let a set go at a time, with all that is kept for it.
-- KEYS[1]  its attempts, which expire by themselves
-- KEYS[2]  the set
-- KEYS[3…] all else
-- ARGV[1]  the time in unix milliseconds; '' for never
-- Reply    1 if there is anything that goes, or would have gone, else 0
check_seal(KEYS[2])
local when, found = ARGV[1], 0
for i = 2, #KEYS do
  if when == '' then
    found = found + redis.call('PERSIST', KEYS[i])
  else
    found = found + redis.call('PEXPIREAT', KEYS[i], when)
  end
end
if when ~= '' and redis.call('PTTL', KEYS[1]) > when - 1000 * now() then
  redis.call('PEXPIREAT', KEYS[1], when)
end
return math.min(found, 1)
