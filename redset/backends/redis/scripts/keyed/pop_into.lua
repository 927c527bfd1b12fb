-- Move the first key to another keyed set, with its score and payload; see pop_into.lua.
-- ARGV[3]  upper bound of scores: "now" or "inf"
-- ARGV[4…] the member that is to move, then the payload that it is to have
-- Reply    score, space, length of the member, space, member, 1 or 0 for a payload, payload; ''
--          for none
-- include keyed/from
local before = answered()
if before then return before end

local wanted = given_payloads()[1]
local member, score = unpack(redis.call('ZRANGE', FROM, 0, 0, 'WITHSCORES'))
if not member or (ARGV[3] == 'now' and number(score) > tonumber(now())) then return answer('') end
if member ~= ARGV[4] or redis.call('HGET', FROM_ITEMS, member) ~= wanted then
  return answer('')
end
local payload = move(member, score)
return answer(score .. ' ' .. #member .. ' ' .. member .. (payload and '1' .. payload or '0'))
