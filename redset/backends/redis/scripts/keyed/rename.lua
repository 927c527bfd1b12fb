-- Give a keyed set another name; see rename.lua.
-- KEYS[15…] the other set, its claims' details, payloads, payloads of claims; then as rename.lua
if is_plain(1, unpack(KEYS, 15, 18)) then return redis.error_reply('KEYING 1') end
local KEYS = {unpack(KEYS, 19)}
-- include rename
