-- Remove the first entries between two scores.
-- KEYS[1]  the set
-- ARGV[1]  lower bound: a score, or "now"
-- ARGV[2]  upper bound: a score, or "now"
-- ARGV[3]  how many at most; -1 for all
-- Reply    how many were removed
local first = count_below(KEYS[1], ARGV[1])
local last = count_to(KEYS[1], ARGV[2]) - 1
local limit = tonumber(ARGV[3])
if limit >= 0 then last = math.min(last, first + limit - 1) end
if first > last then return 0 end
return discard_ranks(KEYS[1], first, last)
