-- Remove a keyed set with all that is kept for it; see clear.lua.
local KEYS = {SET, DEAD, CLAIMS, DELAYED, DETAILS, PARKED, WAKE, WAITING, ATTEMPTS, LETTERS, ITEMS,
  HELD, DEAD_ITEMS}
-- include clear
