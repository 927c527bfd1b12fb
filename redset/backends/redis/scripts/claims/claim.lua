-- Acknowledge claims that are done, put back what is held no longer, claim the first members.
-- ARGV[1]  number of the request
-- ARGV[2]  how many to claim at most, up to 1000
-- ARGV[3]  the lease in seconds
-- ARGV[4]  upper bound of scores: "now" or "inf"
-- ARGV[5]  ZADD flag of the merge rule
-- ARGV[6]  after how many attempts an expired claim is dead; '' for never
-- ARGV[7]  how many dead letters to keep
-- ARGV[8]  for how many milliseconds the caller will wait if there are none; 0 for not at all
-- ARGV[9…] pairs of member and token to acknowledge
-- Reply    seconds until there may be something to claim, the deadline, the first part of the
--          tokens, a 1 or 0 for each acknowledged, how many dead letters were dropped,
--          members, scores, attempts (none if all are the first), places (none if all are there)

-- At most so many are put back for one of two reasons, and looked at in vain.
local BATCH = 100
local want, flag = tonumber(ARGV[2]), ARGV[5]

-- The members of a request that is made again, as far as it still holds them: they share the
-- deadline, and the first part of the token.
local before = answered()
if before then
  local pause, deadline, base, flags, dropped =
    string.match(before, '^(%S+) (%S+) (%d+) a(%d*) (%d+)$')
  local found = {}
  local claimed = redis.call('ZRANGEBYSCORE', CLAIMS, deadline, deadline)
  for _, member in ipairs(claimed) do
    local token, attempt, score = parse(redis.call('HGET', DETAILS, member))
    if string.sub(token, 1, #base) == base then
      local place = tonumber(string.sub(token, #base + 1))
      found[#found + 1] = {place, member, score, attempt}
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  local columns = {{}, {}, {}, {}}
  for i, row in ipairs(found) do
    for j, value in ipairs(row) do columns[j][i] = value end
  end
  return {pause, deadline, base, flags, dropped, columns[2], columns[3], columns[4], columns[1]}
end

local flags, back = acknowledge(9, flag)
local time = redis.call('TIME')
local micros = string.format('%06d', tonumber(time[2]))
local present = time[1] .. '.' .. micros

-- What is held no longer.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', CLAIMS, '-inf', present, 'LIMIT', 0, BATCH)) do
  local _, attempt, score = parse(redis.call('HGET', DETAILS, member))
  unpark(member, flag)
  if ARGV[6] ~= '' and tonumber(attempt) >= tonumber(ARGV[6]) then
    local reason = 'the lease ran out in attempt ' .. attempt .. ' of ' .. ARGV[6]
    bury(member, attempt, score, reason, present)
  else
    put_back(member, attempt, score, flag)
  end
  redis.call('ZREM', CLAIMS, member)
  redis.call('HDEL', DETAILS, member)
  back = back + 1
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', present, 'LIMIT', 0, BATCH)) do
  local _, attempt, score = parse(redis.call('HGET', DETAILS, member))
  put_back(member, attempt, score, flag)
  redis.call('ZREM', DELAYED, member)
  redis.call('HDEL', DETAILS, member)
  back = back + 1
end
local dropped = back > 0 and trim(ARGV[7]) or 0

-- Tokens never fall: neither if the clock goes back, nor within one of its microseconds.
local base = tonumber(time[1] .. micros)
local latest = redis.call('GET', TOKEN)
if latest and tonumber(latest) >= base then base = tonumber(latest) + 1 end
base = string.format('%.0f', base)
local deadline = string.format('%.17g', tonumber(present) + tonumber(ARGV[3]))

local high = ARGV[4] == 'now' and present or '+inf'
local counted = redis.call('EXISTS', ATTEMPTS) == 1
local members, scores, attempts, again = {}, {}, {}, false
local looked = 0
while #members < want and looked < want + BATCH do
  local first = redis.call(
    'ZRANGEBYSCORE', SET, '-inf', high, 'WITHSCORES', 'LIMIT', 0, want - #members)
  if #first == 0 then break end
  local given = {}
  for i = 1, #first, 2 do given[#given + 1] = first[i] end
  local known = redis.call('HMGET', DETAILS, unpack(given))
  local tried = counted and redis.call('HMGET', ATTEMPTS, unpack(given))
  local claims, details = {}, {}
  for i, member in ipairs(given) do
    local score, attempt, free = first[2 * i], tried and tried[i] or '0', true
    if known[i] then
      local token, count, had = parse(known[i])
      if token ~= '0' then
        add(PARKED, flag, score, member)
        free = false
      elseif flag == '' or flag == 'LT' then
        score, attempt = merged(flag, had, score), count
        redis.call('ZREM', DELAYED, member)
      else
        redis.call('HSET', DETAILS, member, '0 ' .. count .. ' ' .. merged(flag, had, score))
        free = false
      end
    end
    if free then
      local place = #members
      local number = tonumber(attempt) + 1
      members[place + 1], scores[place + 1], attempts[place + 1] = member, score, number
      again = again or number > 1
      claims[#claims + 1] = deadline
      claims[#claims + 1] = member
      details[#details + 1] = member
      details[#details + 1] = base .. string.format('%03d', place) .. ' ' .. number .. ' ' .. score
    end
  end
  if #claims > 0 then
    redis.call('ZADD', CLAIMS, unpack(claims))
    redis.call('HSET', DETAILS, unpack(details))
  end
  redis.call('ZREMRANGEBYRANK', SET, 0, #given - 1)
  if tried then redis.call('HDEL', ATTEMPTS, unpack(given)) end
  looked = looked + #given
end

local pause = 0
if #members > 0 then
  -- For as long as one of these can be held, and for a while after.
  local life = string.format('%.0f', (tonumber(ARGV[3]) + 300) * 1000)
  redis.call('SET', TOKEN, base, 'PX', life)
elseif looked < want + BATCH then
  pause = math.huge
  local times = {CLAIMS, DELAYED, ARGV[4] == 'now' and SET or nil}
  for _, key in ipairs(times) do
    local next = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if next[2] then pause = math.min(pause, number(next[2]) - tonumber(present)) end
  end
  if counted and redis.call('EXISTS', SET) == 0 then redis.call('DEL', ATTEMPTS) end
  if ARGV[8] ~= '0' then redis.call('SET', KEYS[8], '1', 'PX', ARGV[8]) end
end
pause = pause == math.huge and 'inf' or string.format('%.6f', pause)

if back > #members then wake(KEYS[7], KEYS[8], back - #members) end
if not again then attempts = {} end
if #members == 0 then base = '0' end
answer(pause .. ' ' .. deadline .. ' ' .. base .. ' a' .. flags .. ' ' .. dropped)
return {pause, deadline, base, flags, tostring(dropped), members, scores, attempts, {}}
