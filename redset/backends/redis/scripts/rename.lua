-- Give a set another name, with all that is kept for it.
-- ARGV[1]  number of the request
-- ARGV[2]  1 to replace what has the other name, else 0
-- Reply    1 if it was done, 0 if something has the other name, '' if there is nothing to rename
-- include renaming
local before = answered()
if before then return before end

check_seal(KEYS[1])
check_seal(KEYS[half + 1])
if not is_there(1) then return answer('') end
if ARGV[2] ~= '1' and is_there(half + 1) then return answer('0') end
rename_all()
wake(KEYS[2 * half - 1], KEYS[2 * half], redis.call('ZCARD', KEYS[half + 1]))
return answer('1')
