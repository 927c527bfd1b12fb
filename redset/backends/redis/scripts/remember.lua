-- Add members that each live for some time, and sweep some that have expired.
-- KEYS[1]  the set; scores are times of expiry
-- ARGV[1]  ZADD flag for members that are alive: '', NX, LT or GT
-- ARGV[2]  how many expired members to sweep at most
-- ARGV[3…] pairs of lifetime in seconds and member
-- Reply    for each member 1 if it was unseen, else 0
local present = now()
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', present, 'LIMIT', 0, ARGV[2])
if #expired > 0 then redis.call('ZREM', KEYS[1], unpack(expired)) end

local unseen = {}
for i = 3, #ARGV, 2 do
  local old = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  local alive = old and number(old) > tonumber(present)
  local expiry = ARGV[i]
  if expiry ~= 'inf' then
    expiry = string.format('%.17g', tonumber(present) + tonumber(expiry))
  end
  add(KEYS[1], alive and ARGV[1] or '', expiry, ARGV[i + 1])
  table.insert(unseen, alive and 0 or 1)
end

-- The key goes when its last member has expired, even if nobody comes to sweep.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if number(last[2]) > 1e14 then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(tonumber(last[2]) * 1000)))
end
return unseen
