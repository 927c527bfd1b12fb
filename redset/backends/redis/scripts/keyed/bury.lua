-- Store dead letters by their keys; see bury.lua.
-- ARGV     the payloads come last
-- Reply    how many were dropped
for i, payload in ipairs(given_payloads()) do
  redis.call('HSET', DEAD_ITEMS, ARGV[2 * i], payload)
end

local KEYS = {DEAD, LETTERS, SET}
-- include bury
