-- Run after every script of a keyed set: the payloads of what waits are kept for as long as any of it
-- is, be it in the set, or with the claims, which may go at another time.
outlast(ITEMS, SET, PARKED, DELAYED)
