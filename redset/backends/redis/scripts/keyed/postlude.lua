-- Run after every script of a keyed set: the payloads of what waits are kept for as long as any of it
-- is, be it in the set, or with the claims, which may go at another time.
outlast(ITEMS, SET, PARKED, DELAYED)

-- Which of the sets are keyed. One that is empty may come to be anybody's.
if string.find(FOUND, '0', 1, true) and not (type(reply) == 'table' and reply.err) then
  local flags = {}
  for place = 1, #FOUND do
    local has_payloads, items, held = unpack(looked_at[place] or {true})
    has_payloads = has_payloads or redis.call('EXISTS', items, held) > 0
    flags[place] = has_payloads and '1' or '0'
  end
  reply = {reply or false, table.concat(flags)}
end
