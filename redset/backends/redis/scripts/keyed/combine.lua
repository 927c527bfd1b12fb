-- Set before the scripts that combine keyed sets. Their own keys:
-- KEYS[15]  scratch key
-- KEYS[16]  another
-- KEYS[17…] of each other set: the set, its claims' details, payloads, payloads of claims
local FIRST_OTHER = 17
for i = FIRST_OTHER, #KEYS, 4 do
  local place = (i - 13) / 4
  if is_plain(place, unpack(KEYS, i, i + 3)) then return redis.error_reply('KEYING ' .. place) end
end

-- The keys as the plain scripts have them.
local PLAIN_KEYS = {SET, KEYS[15], KEYS[16], WAKE, WAITING, PARKED, DELAYED, DETAILS, ATTEMPTS}
for i = FIRST_OTHER, #KEYS, 4 do PLAIN_KEYS[#PLAIN_KEYS + 1] = KEYS[i] end

-- The members that wait, in the set or apart, and make a set with one of the others by a command.
local function waiting_by(command)
  local found = {}
  for _, place in ipairs({SET, PARKED, DELAYED}) do
    for i = FIRST_OTHER, redis.call('EXISTS', place) == 1 and #KEYS or 0, 4 do
      for _, member in ipairs(redis.call(command, 2, place, KEYS[i])) do
        found[#found + 1] = member
      end
    end
  end
  return found
end
