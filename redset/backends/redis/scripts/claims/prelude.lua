-- Set before every script that deals with claims. Each has the first of these keys, as far as
-- it needs them, and last a record of the request:
-- KEYS[1]  the set: what waits to be handed out
-- KEYS[2]  claims: member by deadline
-- KEYS[3]  hash of member to token, attempt and score, for what is claimed, and for what is
--          held back with token 0
-- KEYS[4]  parked: members added while they are claimed, by score
-- KEYS[5]  list of wake-up tokens
-- KEYS[6]  note that somebody waits
-- KEYS[7]  delayed: what is held back, by the time at which that ends
-- KEYS[8]  hash of member to attempts, for what was claimed before and waits again
-- KEYS[9]  the latest fencing token, in microseconds, and until when it is to be remembered, in
--          unix milliseconds
-- KEYS[10] dead letters: member by time
-- KEYS[11] their details: hash of member to score, attempts, line feed, reason
--
-- What moves is written to its new place before it leaves the old one: a script that fails
-- half way, out of memory or permission, loses nothing.
local SET, CLAIMS, DETAILS, PARKED, WAKE, WAITING = unpack(KEYS, 1, 6)
local DELAYED, ATTEMPTS, TOKEN, DEAD, LETTERS = unpack(KEYS, 7, 11)
local DAY, MEMORY = 86400, 300000

-- The latest token, and until when it is to be remembered.
local function latest_token()
  local token, ends = string.match(redis.call('GET', TOKEN) or '0 0', '^(%d+) (%d+)$')
  return tonumber(token), tonumber(ends)
end

local function remember_token(token, ends)
  ends = string.format('%.0f', ends)
  redis.call('SET', TOKEN, token .. ' ' .. ends, 'PXAT', ends)
end

-- The flag that lets an older score meet a newer one that is there already.
local function older(flag)
  if flag == '' then return 'NX' end
  if flag == 'NX' then return '' end
  return flag
end

-- The score that an old and a new one make.
local function merged(flag, old, new)
  if flag == '' then return new end
  if flag == 'NX' then return old end
  if (flag == 'LT') == (number(new) < number(old)) then return new end
  return old
end

-- Token, attempt and score from a member's details.
local function parse(details)
  return string.match(details or '0 0 0', '^(%d+) (%d+) (.*)$')
end

-- What is held back has no holder, not even one who makes a token up.
local function is_held(details, token)
  return details and token ~= '0' and string.sub(details, 1, #token) == token
    and string.byte(details, #token + 1) == 32
end

-- Put back what was parked while a member was claimed; return whether anything was.
local function unpark(member, flag)
  local score = redis.call('ZSCORE', PARKED, member)
  if not score then return false end
  add(SET, older(flag), score, member)
  redis.call('ZREM', PARKED, member)
  return true
end

-- Keep the attempts of a member that waits again, for a day beyond its delay, but no longer than
-- the set. What is taken without a claim leaves its attempts behind; when there are too many, some
-- are dropped.
local function note(member, attempt, delay)
  if attempt == '0' then return end
  redis.call('HSET', ATTEMPTS, member, attempt)
  local life, left = math.ceil((DAY + delay) * 1000), redis.call('PTTL', SET)
  if left >= 0 then life = math.min(life, left) end
  if redis.call('PTTL', ATTEMPTS) < life then
    redis.call('PEXPIRE', ATTEMPTS, string.format('%.0f', life))
  end
  if redis.call('HLEN', ATTEMPTS) > redis.call('ZCARD', SET) then
    for _, each in ipairs(redis.call('HRANDFIELD', ATTEMPTS, 8)) do
      if not redis.call('ZSCORE', SET, each) then redis.call('HDEL', ATTEMPTS, each) end
    end
  end
end

local function put_back(member, attempt, score, flag)
  add(SET, older(flag), score, member)
  note(member, attempt, 0)
end

local function bury(member, attempt, score, reason, present)
  redis.call('ZADD', DEAD, present, member)
  redis.call('HSET', LETTERS, member, score .. ' ' .. attempt .. '\n' .. reason)
end

-- Let go of members that are not claimed any more, of their details too if they are not held
-- back either.
local function unclaim(...)
  redis.call('ZREM', CLAIMS, ...)
end

local function finish(...)
  unclaim(...)
  redis.call('HDEL', DETAILS, ...)
end

-- Called when what was claimed is about to meet what waits, if anything does, by the rule of a
-- flag: for those who keep more of a member than its score.
local function meet(_member, _flag, _score)
end

-- End claims that are done, given by pairs of member and token from ARGV[first] on; parked
-- members are looked for if there may be any. Returns a 1 or 0 for each, whether it was held,
-- and how many members came back into the set.
local function acknowledge(first, flag, parked)
  local members = {}
  for i = first, #ARGV, 2 do members[#members + 1] = ARGV[i] end
  local details = redis.call('HMGET', DETAILS, unpack(members))
  local held, flags, back = {}, {}, 0
  for i, member in ipairs(members) do
    if not held[member] and is_held(details[i], ARGV[first + 2 * i - 1]) then
      flags[i] = '1'
      held[#held + 1], held[member] = member, true
      if parked and unpark(member, flag) then back = back + 1 end
    else
      flags[i] = '0'
    end
  end
  if #held > 0 then
    finish(unpack(held))
  end
  return table.concat(flags), back
end
