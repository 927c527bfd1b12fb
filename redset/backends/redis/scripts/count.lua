-- Count the entries between two scores, one of them now.
-- KEYS[1]  the set
-- ARGV[1]  lower bound: a score, or "now"
-- ARGV[2]  upper bound: a score, or "now"
-- Reply    how many there are
return math.max(count_to(KEYS[1], ARGV[2]) - count_below(KEYS[1], ARGV[1]), 0)
