-- Wake consumers that wait.
-- KEYS[1]  list of wake-up tokens
-- KEYS[2]  note that somebody waits
-- ARGV[1]  how many
-- Reply    nothing
wake(KEYS[1], KEYS[2], tonumber(ARGV[1]))
return false
