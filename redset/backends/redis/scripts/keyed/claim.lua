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
if repeated then return {reply, payloads_of(HELD, members)} end

local payloads, taken = payloads_of(ITEMS, members), {}
for i, payload in ipairs(payloads) do
  if payload then
    taken[#taken + 1] = members[i]
    taken[#taken + 1] = payload
  end
end
-- A table is faster than a list; see claims/claim.lua.
local long = #taken > 48 and string.rep(reply[#reply - 2], 5)
if long then redis.call('HSET', HELD, long, '') end
if #taken > 0 then redis.call('HSET', HELD, unpack(taken)) end
if long then redis.call('HDEL', HELD, long) end
if #taken > 0 then follow(DETAILS, HELD) end
drop(ITEMS, members)
if #members == 0 then tidy() end
return {reply, #taken == 2 * #members and payloads or payloads_of(HELD, members)}
