-- Put dead letters back into their set with the scores they had.
-- KEYS[1]  the set
-- KEYS[2]  dead letters: member by time
-- KEYS[3]  their details: hash of member to score, attempts, line feed, reason
-- KEYS[4]  list of wake-up tokens
-- KEYS[5]  note that somebody waits
-- ARGV[1]  ZADD flag for members that are there: '', NX, LT or GT
-- ARGV[2…] members
-- Reply    how many were dead letters
check_seal(KEYS[1])
local moved = 0
for i = 2, #ARGV do
  local details = redis.call('HGET', KEYS[3], ARGV[i])
  if details then
    add(KEYS[1], ARGV[1], string.match(details, '^[^ \n]*'), ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
    moved = moved + 1
  end
end
wake(KEYS[4], KEYS[5], moved)
return moved
