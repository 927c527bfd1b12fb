-- Read scores and payloads of keys together with the time.
-- ARGV     members
-- Reply    the time, the list of scores (nil for absent members), the payloads
local function plain()
-- include lifetimes
end

local reply = plain()
reply[3] = payloads_of(ITEMS, ARGV)
return reply
