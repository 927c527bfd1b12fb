-- Count members by their state.
-- ARGV[1]  upper bound of scores that are due: a score, or "now"
-- Reply    in the set, of these due, delayed, claimed, parked, dead, the lowest score, the token
--          of the claim whose lease is the first to run out; nil where there is none
local first = redis.call('ZRANGE', SET, 0, 0, 'WITHSCORES')
local claim = redis.call('ZRANGE', CLAIMS, 0, 0)[1]
return {
  redis.call('ZCARD', SET),
  count_to(SET, ARGV[1]),
  redis.call('ZCARD', DELAYED),
  redis.call('ZCARD', CLAIMS),
  redis.call('ZCARD', PARKED),
  redis.call('ZCARD', DEAD),
  first[2] or false,
  claim and parse(redis.call('HGET', DETAILS, claim)) or false,
}
