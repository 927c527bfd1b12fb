-- Set before every script that hands sets over. Each has the first of these keys, as far as it
-- needs them. A member of a set is in one of the first five, if anywhere:
-- KEYS[1]  the set
-- KEYS[2]  dead letters: member by time
-- KEYS[3]  claims: member by deadline
-- KEYS[4]  delayed: member by the time at which that ends
-- KEYS[5]  parked: member by score
-- KEYS[6…11] hashes of member to what else is kept for it: details of claims, details of dead
--          letters, attempts, payloads of what waits, of what is claimed, and of dead letters
-- KEYS[12] list of wake-up tokens
-- KEYS[13] note that somebody waits
-- KEYS[14] the latest fencing token, and until when it is to be remembered
-- KEYS[15] number of the next parcel, and its size; 0 until it is packed
-- KEYS[16] hash of source to the number of the latest parcel that was unpacked
local HOLDING, PLACES = 5, 11
local WAKE, WAITING, TOKEN, PARCEL, UNPACKED = unpack(KEYS, 12, 16)
-- For how many milliseconds a name stays sealed when all is settled, and is known what was
-- handed over; until then, for ever.
local LIFE = 86400000

-- The number of a parcel is higher than all before: these may be remembered where it goes.
local function next_number(latest)
  local time = redis.call('TIME')
  local present = time[1] .. string.format('%06d', time[2])
  return string.format('%.0f', math.max(present, (latest or 0) + 1))
end
