-- Let a set go at a time, with all that is kept for it.
-- KEYS[1]  its attempts, which expire by themselves, a day after the last at the latest
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
local life = math.max(redis.call('PTTL', KEYS[1]), 86400000)
-- What has just come gives -0, which would be written so; with 0 added, it is 0.
if when ~= '' then life = math.min(life, math.ceil(when - 1000 * now()) + 0) end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life))
return math.min(found, 1)
