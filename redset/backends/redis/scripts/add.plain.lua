-- Tried before add.lua, of whose arguments and reply it is: add one member, where that is all there
-- is to do. False, and nothing changed, if there are more, if somebody waits, or if the request is
-- made again. It does not tell the time unless that is the score.
local call, record, number = redis.call, KEYS[4], ARGV[1]
if #ARGV ~= 4 or not record or call('EXISTS', KEYS[3]) == 1 then return false end
local before = call('GET', record)
if before and tonumber(string.match(before, '^%d+')) >= tonumber(number) then return false end

local time = call('TIME')
local present = time[1] .. '.' .. string.format('%06d', time[2])
local score = ARGV[3] == '' and present or ARGV[3]
local new
if ARGV[2] == '' then
  new = call('ZADD', KEYS[1], score, ARGV[4])
else
  new = call('ZADD', KEYS[1], ARGV[2], score, ARGV[4])
end
-- The effect is there by now: a server out of memory must not hide that.
local words = new .. ' ' .. present
redis.pcall('SET', record, number .. ' ' .. words, 'PX', 300000)
return words
