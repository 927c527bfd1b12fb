-- Move a key to another keyed set, with its score and payload; see move.lua.
-- ARGV[3]  the member
-- Reply    1 if it was there, else 0
-- include keyed/from
local before = answered()
if before then return before end

local score = redis.call('ZSCORE', FROM, ARGV[3])
if not score then return answer('0') end
move(ARGV[3], score)
return answer('1')
