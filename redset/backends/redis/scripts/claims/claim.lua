-- Acknowledge claims that are done, put back what is held no longer, claim the first members.
-- ARGV[1]  number of the request
-- ARGV[2]  how many to claim at most, up to 1000
-- ARGV[3]  for how many milliseconds the caller will wait if there are none; 0 for not at all
-- ARGV[4]  the lease in seconds
-- ARGV[5]  for how many milliseconds to remember the latest token
-- ARGV[6]  upper bound of scores: "now" or "inf"
-- ARGV[7]  ZADD flag of the merge rule
-- ARGV[8]  after how many attempts an expired claim is dead; '' for never
-- ARGV[9]  how many dead letters to keep
-- ARGV[10…] pairs of member and token to acknowledge
-- Reply    member, score, … of what was claimed, then their attempts ('' if all are the first),
--          their places in the batch ('' if all are there), seconds until there may be something
--          to claim, the deadline, the first part of all tokens, a 1 or 0 for each acknowledged,
--          how many dead letters were dropped

-- At most so many are put back for each reason, and looked at in vain.
local BATCH = 100
local want, lease, flag = tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[7]

-- The members of a request that is made again, as far as it still holds them: they share the
-- deadline, and the first part of the token.
local before = answered()
if before then
  local pause, deadline, base, flags, dropped =
    string.match(before, '^(%S+) (%S+) (%d+) a(%d*) (%d+)$')
  local found = {}
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', CLAIMS, deadline, deadline)) do
    local token, attempt, score = parse(redis.call('HGET', DETAILS, member))
    if string.sub(token, 1, #base) == base then
      local place = tonumber(string.sub(token, #base + 1))
      found[#found + 1] = {place = place, member = member, score = score, attempt = attempt}
    end
  end
  table.sort(found, function(a, b) return a.place < b.place end)
  local reply, attempts, places = {}, {}, {}
  for i, claim in ipairs(found) do
    reply[2 * i - 1], reply[2 * i] = claim.member, claim.score
    attempts[i], places[i] = claim.attempt, claim.place
  end
  local rest = {table.concat(attempts, ' '), table.concat(places, ' '), pause, deadline, base,
    flags, dropped}
  for _, word in ipairs(rest) do reply[#reply + 1] = word end
  return reply
end

local time = redis.call('TIME')
local micros = string.format('%06d', time[2])
local present = time[1] .. '.' .. micros

-- What is seldom there at all.
local apart = redis.call('EXISTS', PARKED, DELAYED, ATTEMPTS) > 0
local flags, back, dropped = '', 0, 0
if ARGV[10] then flags, back = acknowledge(10, flag, apart) end

-- What is held no longer.
if redis.call('ZCOUNT', CLAIMS, '-inf', present) > 0 then
  local late = redis.call('ZRANGEBYSCORE', CLAIMS, '-inf', present, 'LIMIT', 0, BATCH)
  local buried = false
  for _, member in ipairs(late) do
    local details = redis.call('HGET', DETAILS, member)
    local _, attempt, score = parse(details)
    unpark(member, flag)
    if not details then
      -- It has gone at a time that was set for it, as the claim was to.
    elseif ARGV[8] ~= '' and tonumber(attempt) >= tonumber(ARGV[8]) then
      local reason = 'the lease ran out in attempt ' .. attempt .. ' of ' .. ARGV[8]
      bury(member, attempt, score, reason, present)
      buried = true
    else
      meet(member, older(flag), score)
      put_back(member, attempt, score, flag)
    end
    finish(member)
  end
  back = back + #late
  if buried then dropped = trim(DEAD, LETTERS, ARGV[9]) end
  apart = true
end
if apart then
  local rested = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', present, 'LIMIT', 0, BATCH)
  for _, member in ipairs(rested) do
    local _, attempt, score = parse(redis.call('HGET', DETAILS, member))
    put_back(member, attempt, score, flag)
    redis.call('ZREM', DELAYED, member)
    redis.call('HDEL', DETAILS, member)
  end
  back = back + #rested
end

local function first(num)
  if ARGV[6] == 'inf' then return redis.call('ZRANGE', SET, 0, num - 1, 'WITHSCORES') end
  return redis.call('ZRANGEBYSCORE', SET, '-inf', present, 'WITHSCORES', 'LIMIT', 0, num)
end

local base = time[1] .. micros
local deadline = string.format('%.17g', present + lease)
local reply, attempts = {}, ''
local given = first(want)
if #given > 0 then
  -- Tokens never fall: neither if the clock goes back, nor within one of its microseconds.
  local latest, ends = latest_token()
  if latest >= tonumber(base) then base = string.format('%.0f', latest + 1) end
  remember_token(base, math.max(ends, present * 1000 + ARGV[5]))
end

-- Claim all that are given, if none of them is claimed or was before.
local looked = want + BATCH
local claims, details = {}, {}
if not apart then
  for i = 1, #given, 2 do
    local place = (i - 1) / 2
    local member, zeros = given[i], place < 10 and '00' or place < 100 and '0' or ''
    claims[i], claims[i + 1] = deadline, member
    details[i], details[i + 1] = member, base .. zeros .. place .. ' 1 ' .. given[i + 1]
  end
end
-- Servers keep what is small in lists that they search through. With a long entry, even for a
-- moment, it is a table, which is faster from some tens of entries on.
local long = #claims > 48 and string.rep(base, 5)
if long then
  redis.call('ZADD', CLAIMS, 'inf', long)
  redis.call('HSET', DETAILS, long, '')
end
if #claims > 0 and redis.call('ZADD', CLAIMS, 'NX', unpack(claims)) == #given / 2 then
  redis.call('HSET', DETAILS, unpack(details))
  redis.call('ZREMRANGEBYRANK', SET, 0, #given / 2 - 1)
  reply = given
elseif #given > 0 then
  -- Claim each that can be; park or merge the others, and look at those behind them.
  local claimed = {}
  local function claim(member, score, attempt)
    redis.call('ZADD', CLAIMS, deadline, member)
    local token = base .. string.format('%03d', #claimed)
    redis.call('HSET', DETAILS, member, token .. ' ' .. attempt .. ' ' .. score)
    claimed[#claimed + 1] = attempt
    reply[#reply + 1], reply[#reply + 2] = member, score
  end
  while #given > 0 do
    local members = {}
    for i = 1, #given, 2 do members[#members + 1] = given[i] end
    local known = redis.call('HMGET', DETAILS, unpack(members))
    local tried = redis.call('HMGET', ATTEMPTS, unpack(members))
    for i, member in ipairs(members) do
      local score = given[2 * i]
      local holder, count, had = parse(known[i])
      if not known[i] then
        claim(member, score, (tried[i] or 0) + 1)
      elseif holder ~= '0' then
        add(PARKED, flag, score, member)
      elseif flag == '' or flag == 'LT' then
        redis.call('ZREM', DELAYED, member)
        claim(member, merged(flag, had, score), count + 1)
      else
        redis.call('HSET', DETAILS, member, '0 ' .. count .. ' ' .. merged(flag, had, score))
      end
    end
    redis.call('ZREMRANGEBYRANK', SET, 0, #members - 1)
    redis.call('HDEL', ATTEMPTS, unpack(members))
    looked = looked - #members
    if #claimed == want or looked <= 0 then break end
    given = first(want - #claimed)
  end
  follow(DETAILS, CLAIMS, PARKED)
  attempts = table.concat(claimed, ' ')
end
if long then
  redis.call('ZREM', CLAIMS, long)
  redis.call('HDEL', DETAILS, long)
end

local pause = 'inf'
if #reply > 0 then
  if back > #reply / 2 then wake(WAKE, WAITING, back - #reply / 2) end
else
  base = '0'
  local wait = looked > 0 and math.huge or 0
  for _, key in ipairs({CLAIMS, DELAYED, ARGV[6] == 'now' and SET or nil}) do
    local next = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if next[2] then wait = math.min(wait, number(next[2]) - present) end
  end
  if wait < math.huge then pause = string.format('%.6f', wait) end
  if apart and redis.call('EXISTS', SET, DELAYED, CLAIMS) == 0 then redis.call('DEL', ATTEMPTS) end
  note_waiting(WAITING, ARGV[3])
end

answer(pause .. ' ' .. deadline .. ' ' .. base .. ' a' .. flags .. ' ' .. dropped)
local n = #reply
reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = attempts, '', pause, deadline
reply[n + 5], reply[n + 6], reply[n + 7] = base, flags, tostring(dropped)
return reply
