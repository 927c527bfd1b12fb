-- Pass a wake-up on to the next consumer that waits for due members.
-- KEYS[1]  list of wake-up tokens
-- KEYS[2]  note that somebody waits
-- Reply    nothing
wake(KEYS[1], KEYS[2], 1)
return false
