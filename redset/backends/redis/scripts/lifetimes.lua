-- Read scores together with the time.
-- KEYS[1]  the set
-- ARGV     members
-- Reply    the time, the list of scores (nil for absent members)
local scores = {}
for i, member in ipairs(ARGV) do
  scores[i] = redis.call('ZSCORE', KEYS[1], member)
end
return {now(), scores}
