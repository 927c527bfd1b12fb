-- Read a layout.
-- Reply    the layout; '' if there is something else, nil if there is nothing
local _, layout = layout_of(KEYS[1])
if layout then return layout end
return redis.call('EXISTS', unpack(KEYS, 1, 4)) > 0 and ''
