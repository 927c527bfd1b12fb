-- Set before every script.

-- The server's time in unix seconds, as a decimal that loses nothing on its way to a double.
local function now()
  local time = redis.call('TIME')
  return time[1] .. '.' .. string.format('%06d', tonumber(time[2]))
end

-- A score as a number: not every Lua reads infinities.
local function number(score)
  if score == 'inf' then return math.huge end
  if score == '-inf' then return -math.huge end
  return tonumber(score)
end

-- How many entries come before a lower bound, and how many up to an upper one.
-- The word "now" is the present: exclusive as a lower bound, inclusive as an upper one.
local function count_below(key, low)
  if low == 'now' then return redis.call('ZCOUNT', key, '-inf', now()) end
  return redis.call('ZCOUNT', key, '-inf', '(' .. low)
end

local function count_to(key, high)
  if high == 'now' then high = now() end
  return redis.call('ZCOUNT', key, '-inf', high)
end

-- The key of a sealed set holds a text that begins with this word: whoever takes it for a set, in
-- any language, gets an error. Scripts that store something beside it have to ask. So does that of
-- a set that is spread over others, with its layout, and the step by which it came about.
local SEAL = 'SEALED'
local SIGN = SEAL .. ' by redset, layout '

local function is_sealed(key)
  if type(redis.pcall('ZCARD', key)) == 'number' then return false end
  local text = redis.pcall('GET', key)
  return type(text) == 'string' and string.sub(text, 1, #SEAL) == SEAL
end

local function check_seal(key)
  redis.call('ZCARD', key)
end

local function layout_of(key)
  local text = redis.pcall('GET', key)
  if type(text) ~= 'string' or string.sub(text, 1, #SIGN) ~= SIGN then return end
  local step, layout = string.match(text, '^(%d+): (.*)$', #SIGN + 1)
  return tonumber(step), layout
end

-- Note that somebody will wait for so many milliseconds, and be it not the last to do so. A server
-- out of memory does not take the note: what comes then is found when they look again.
local function note_waiting(waiting, milliseconds)
  if milliseconds == '0' or redis.call('PTTL', waiting) >= tonumber(milliseconds) then return end
  local noted = redis.pcall('SET', waiting, '1', 'PX', milliseconds)
  if noted.err and not string.find(noted.err, 'OOM', 1, true) then
    redis.call('SET', waiting, '1', 'PX', milliseconds)
  end
end

-- Wake as many of those who wait for due members, if there may be any. The tokens and
-- the note that somebody waits expire by themselves.
local function wake(tokens, waiting, count)
  if count < 1 or redis.call('EXISTS', waiting) == 0 then return end
  for _ = 1, math.min(count, 64 - redis.call('LLEN', tokens)) do
    redis.call('RPUSH', tokens, '1')
  end
  redis.call('PEXPIRE', tokens, 1000)
end

-- ZADD with a flag, which is empty for none.
local function add(key, flag, score, member)
  if flag == '' then return redis.call('ZADD', key, score, member) end
  return redis.call('ZADD', key, flag, score, member)
end

-- Remove members; those from one rank to another, returning how many.
local function discard(key, members)
  if #members > 0 then redis.call('ZREM', key, unpack(members)) end
end

local function discard_ranks(key, first, last)
  return redis.call('ZREMRANGEBYRANK', key, first, last)
end

-- Let a key go at a time, unless that is too far off for a server.
local function expire(key, time)
  if time > 1e14 then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIREAT', key, string.format('%.0f', math.ceil(time * 1000)))
  end
end

-- Let keys, some of which may be new, go when one does with which they are to, or stay with it.
local function follow(key, ...)
  local left, is_off = redis.call('PTTL', key), false
  for _, other in ipairs({...}) do
    local its = redis.call('PTTL', other)
    is_off = is_off or its ~= left and its ~= -2
  end
  if not is_off or left == -2 then return end
  -- All in one millisecond, which is not sure to be if each is told how long it has.
  local time = redis.call('TIME')
  local when = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + left)
  for _, each in ipairs({key, ...}) do
    if left == -1 then redis.call('PERSIST', each) else redis.call('PEXPIREAT', each, when) end
  end
end

-- Let payloads stay as long as the keys of what they belong to, of which each may go at a time.
local function outlast(items, ...)
  local left, longest = redis.call('PTTL', items), -2
  if left == -2 then return end
  for _, key in ipairs({...}) do
    local its = redis.call('PTTL', key)
    if its == -1 then
      if left >= 0 then redis.call('PERSIST', items) end
      return
    end
    longest = math.max(longest, its)
  end
  -- A millisecond may pass from one command to the next.
  if longest >= 0 and (left < longest or left > longest + 1) then
    redis.call('PEXPIRE', items, longest + 1)
  end
end

-- The score of what waits apart from the set: parked or held back.
local function score_apart(member, parked, delayed, details)
  local score = redis.call('ZSCORE', parked, member)
  if score then return score end
  if redis.call('ZSCORE', delayed, member) then
    return string.match(redis.call('HGET', details, member), '^0 %d+ (.*)$')
  end
end

-- Drop the oldest dead letters beyond a limit, at most a thousand; return how many, and which.
local function trim(dead, letters, limit)
  local excess = math.min(redis.call('ZCARD', dead) - tonumber(limit), 1000)
  if excess <= 0 then return 0, {} end
  local dropped = redis.call('ZPOPMIN', dead, excess)
  for i = 1, #dropped, 2 do redis.call('HDEL', letters, dropped[i]) end
  return excess, dropped
end

-- Clients send a request again when its reply is lost. So that it has its effect once, the
-- last KEY of such a script holds the number of the latest request of one sender, which is
-- ARGV[1], and the words that answered it. A sender goes on when it has its answer: what was
-- sent before that and held up on the way is not to be done again, and nobody waits for it.
local function answered()
  local record = redis.call('GET', KEYS[#KEYS])
  if not record then return end
  local number, words = string.match(record, '^(%d+) (.*)$')
  if number == ARGV[1] then return words end
  if tonumber(number) > tonumber(ARGV[1]) then error('answered already, when it was sent again') end
end

-- The effect is there by now: a server out of memory must not hide that.
local function answer(words)
  redis.pcall('SET', KEYS[#KEYS], ARGV[1] .. ' ' .. words, 'PX', 300000)
  return words
end
