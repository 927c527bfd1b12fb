-- Add the entries of other keyed sets, with their payloads; see algebra/union.lua.
-- include keyed/combine
local function plain()
local KEYS = PLAIN_KEYS
-- include algebra/prelude
-- include algebra/union
end

local before = redis.call('ZCARD', SET)
for i = FIRST_OTHER, #KEYS, 4 do
  for first = 0, redis.call('ZCARD', KEYS[i]) - 1, 1000 do
    local entries = redis.call('ZRANGE', KEYS[i], first, first + 999, 'WITHSCORES')
    local members = members_of(entries)
    local payloads = payloads_of(KEYS[i + 2], members)
    for j, member in ipairs(members) do
      if ARGV[2] then
        -- Where scores are weighed, all are new.
        put(member, payloads[j], RULE ~= 'first')
      else
        keep(member, payloads[j], ARGV[1], entries[2 * j], true)
        add(SET, ARGV[1], entries[2 * j], member)
      end
    end
  end
end
if ARGV[2] then return plain() end
wake(WAKE, WAITING, redis.call('ZCARD', SET))
return redis.call('ZCARD', SET) - before
