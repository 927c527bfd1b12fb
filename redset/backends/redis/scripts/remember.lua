-- Add members that each live for some time, and sweep some that have expired.
-- KEYS[1]  the set; scores are times of expiry
-- KEYS[2]  record of the request; absent if there can be none
-- ARGV[1]  number of the request
-- ARGV[2]  ZADD flag for members that are alive: '', NX, LT or GT
-- ARGV[3]  how many expired members to sweep at most
-- ARGV[4…] pairs of lifetime in seconds and member
-- Reply    for each member 1 if it was unseen, else 0
local before = KEYS[2] and answered()
if before then return before end

local present = now()
discard(KEYS[1], redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', present, 'LIMIT', 0, ARGV[3]))

local unseen = {}
for i = 4, #ARGV, 2 do
  local old = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  local alive = old and number(old) > tonumber(present)
  if old and not alive then discard(KEYS[1], {ARGV[i + 1]}) end
  local expiry = ARGV[i]
  if expiry ~= 'inf' then
    expiry = string.format('%.17g', tonumber(present) + tonumber(expiry))
  end
  add(KEYS[1], ARGV[2], expiry, ARGV[i + 1])
  table.insert(unseen, alive and '0' or '1')
end

-- The key goes when its last member has expired, even if nobody comes to sweep.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
expire(KEYS[1], number(last[2]))
unseen = table.concat(unseen)
return KEYS[2] and answer(unseen) or unseen
