-- Set before the scripts that combine sets. These keys come first:
-- KEYS[1]  the set
-- KEYS[2]  scratch key
-- KEYS[3]  another
-- KEYS[4]  list of wake-up tokens
-- KEYS[5]  note that somebody waits
-- KEYS[6]  parked members, by score
-- KEYS[7]  delayed members, by the time at which that ends
-- KEYS[8]  details of these: hash of member to 0, attempt, score
-- KEYS[9]  hash of member to attempts, for what was claimed before and waits again
-- KEYS[10…] the other sets
local SET, SCRATCH, WEIGHED, WAKE, WAITING, PARKED, DELAYED, DETAILS, ATTEMPTS = unpack(KEYS, 1, 9)
local FIRST = 10

-- What is no set is found out before anything is changed.
check_seal(SET)
for i = FIRST, #KEYS do check_seal(KEYS[i]) end

-- Call a command that puts another set in the place of the set: it expires when that would have.
local function replace(...)
  local left = redis.call('PTTL', SET)
  redis.call(...)
  if left >= 0 then redis.call('PEXPIRE', SET, left) end
end

-- A set with its scores times a weight. What is not a number then counts as 0.
local function weighed(key, weight, scratch)
  if weight == '1.0' then return key end
  redis.call('ZUNIONSTORE', scratch, 1, key, 'WEIGHTS', weight)
  return scratch
end

-- Combine all sets by ZUNIONSTORE or ZINTERSTORE: one after the other, as the sum of floats
-- depends on their order, which the server would choose by the sets' sizes.
-- ARGV[1]  SUM, MIN or MAX
-- ARGV[2…] the weights of the set and of each of the others
local function aggregate(command)
  local made = weighed(SET, ARGV[2], SCRATCH)
  for i = FIRST, #KEYS do
    local other = weighed(KEYS[i], ARGV[i - FIRST + 3], WEIGHED)
    redis.call(command, SCRATCH, 2, made, other, 'AGGREGATE', ARGV[1])
    made = SCRATCH
  end
  redis.call('DEL', WEIGHED)
  if made == SET then return end
  if redis.call('EXISTS', SCRATCH) == 1 then
    replace('RENAME', SCRATCH, SET)
  else
    redis.call('DEL', SET)
  end
end

-- Drop what is parked or delayed, and is (by ZINTER) or is not (by ZDIFF) in one of the others.
-- Returns how many members had no copy in the set.
local function drop_apart(command)
  local dropped = 0
  for _, place in ipairs({PARKED, DELAYED}) do
    for i = FIRST, redis.call('EXISTS', place) == 1 and #KEYS or 0 do
      for _, member in ipairs(redis.call(command, 2, place, KEYS[i])) do
        if not redis.call('ZSCORE', SET, member) then dropped = dropped + 1 end
        redis.call('ZREM', place, member)
        if place == DELAYED then redis.call('HDEL', DETAILS, member) end
      end
    end
  end
  return dropped
end

-- Forget the attempts of what is not in the set any more.
local function forget_attempts()
  for _, member in ipairs(redis.call('HKEYS', ATTEMPTS)) do
    if not redis.call('ZSCORE', SET, member) then redis.call('HDEL', ATTEMPTS, member) end
  end
end
