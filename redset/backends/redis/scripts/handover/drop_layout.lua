-- Remove a layout.
-- Reply    1 if there was one, else 0
return layout_of(KEYS[1]) and redis.call('DEL', KEYS[1]) or 0
