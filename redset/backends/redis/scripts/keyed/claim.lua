-- Claim the first keys with their payloads; see claims/claim.lua.
-- Reply    what that replies, the payloads
local repeated
local plain_answered = answered
answered = function()
  repeated = plain_answered()
  return repeated
end

local function plain()
-- include claims/claim
end

local reply = plain()
local members = members_of(reply, 1, #reply - 7)
if not repeated then
  local taken = {}
  for i, payload in ipairs(payloads_of(ITEMS, members)) do
    if payload then
      taken[#taken + 1] = members[i]
      taken[#taken + 1] = payload
    end
  end
  if #taken > 0 then redis.call('HSET', HELD, unpack(taken)) end
  drop(ITEMS, members)
  if #members == 0 then tidy() end
end
return {reply, payloads_of(HELD, members)}
