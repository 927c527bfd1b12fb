-- Add keys that each live for some time, with their payloads; see remember.lua.
-- KEYS[15] record of the request
-- ARGV     the payloads come last
-- Reply    for each member 1 if it was unseen, else 0
local payloads, num = given_payloads(), 0
local plain_add = add
add = function(key, flag, score, member)
  num = num + 1
  keep(member, payloads[num], flag, score, true)
  return plain_add(key, flag, score, member)
end

local KEYS = {SET, KEYS[15]}
-- include remember
