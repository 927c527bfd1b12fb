-- Tried before claims/claim.lua, of whose arguments and reply it is: acknowledge one claim, if any,
-- and claim the first member, where that is all there is to do. False, and nothing changed, if
-- more is wanted, if anything is parked, delayed, tried again or held no longer, if the first
-- member is claimed already, if the claim to acknowledge was lost, if there is nothing to claim,
-- or if the request is made again.
if ARGV[2] ~= '1' or ARGV[12] then return false end
local call, sub = redis.call, string.sub
local SET, CLAIMS, DETAILS, TOKEN, RECORD = KEYS[1], KEYS[2], KEYS[3], KEYS[9], KEYS[#KEYS]
local time = call('TIME')
local micros = string.format('%06d', time[2])
local present, base = time[1] .. '.' .. micros, time[1] .. micros
if call('EXISTS', KEYS[4], KEYS[7], KEYS[8]) > 0 then return false end
if call('ZCOUNT', CLAIMS, '-inf', present) > 0 then return false end

local first
if ARGV[6] == 'inf' then
  first = call('ZRANGE', SET, 0, 0, 'WITHSCORES')
else
  first = call('ZRANGEBYSCORE', SET, '-inf', present, 'WITHSCORES', 'LIMIT', 0, 1)
end
local member, score = first[1], first[2]
if not member then return false end

local done, flags = ARGV[10], ''
if done then
  local details = call('HMGET', DETAILS, done, member)
  local token = ARGV[11] .. ' '
  if details[2] or not details[1] or sub(details[1], 1, #token) ~= token then return false end
  flags = '1'
elseif call('HEXISTS', DETAILS, member) == 1 then
  return false
end

-- Tokens never fall, and are not forgotten while one of them is held.
local ends = string.format('%.0f', present * 1000 + ARGV[5])
local latest = call('GET', TOKEN)
if latest and (sub(latest, 1, 16) >= base or sub(latest, 18) > ends) then return false end

-- A server out of memory takes an end, and what comes after it. If there is none to make, the
-- first write is one that it refuses, and that tells of a request made again.
if done then
  call('ZREM', CLAIMS, done)
  call('HDEL', DETAILS, done)
end
local deadline = string.format('%.17g', present + ARGV[4])
local words = ARGV[1] .. ' 0 ' .. deadline .. ' ' .. base .. ' a' .. flags .. ' 0'
local before = call('SET', RECORD, words, 'PX', 300000, 'GET')
if before and not done and tonumber(string.match(before, '^%d+')) >= tonumber(ARGV[1]) then
  call('SET', RECORD, before, 'PX', 300000)
  return false
end
call('SET', TOKEN, base .. ' ' .. ends, 'PX', ARGV[5])
call('ZADD', CLAIMS, deadline, member)
call('HSET', DETAILS, member, base .. '000 1 ' .. score)
call('ZREM', SET, member)
return {member, score, '', '', '0', deadline, base, flags, '0'}
