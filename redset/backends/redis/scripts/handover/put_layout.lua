-- Put a layout in the place of a set, unless one of this step or a later one is there.
-- ARGV[1]  the step
-- ARGV[2]  the layout
-- Reply    1 if it is put there, 0 if such a one is there, -1 if something else is
local step = layout_of(KEYS[1])
if step and step >= tonumber(ARGV[1]) then return 0 end
if not step and redis.call('EXISTS', unpack(KEYS, 1, 4)) > 0 then return -1 end
redis.call('SET', KEYS[1], SIGN .. ARGV[1] .. ': ' .. ARGV[2])
wake(WAKE, WAITING, 64)
return 1
