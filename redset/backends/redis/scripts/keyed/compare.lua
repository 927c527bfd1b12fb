-- Tell whether keyed sets have members in common; see compare.lua.
-- KEYS[15…] the other set, its claims' details, payloads, payloads of claims
if is_plain(1, unpack(KEYS, 15, 18)) then return redis.error_reply('KEYING 1') end
local KEYS = {SET, KEYS[15]}
-- include compare
