-- Set before every script of a keyed set. What the plain scripts do is not written again: this
-- changes the functions that they call, so that payloads follow. All have these keys, then their
-- own, last the record of the request if it is not to have its effect again:
-- KEYS[1…11] as for claims, members being keys
-- KEYS[12] hash of member to payload, for what waits: in the set, parked or held back
-- KEYS[13] the same for what is claimed
-- KEYS[14] the same for dead letters
-- ARGV     what the plain script takes, then what is said of payloads; then for each set of the
--          call a 1 if it was found to be keyed before, else a 0, and nothing if it may be any;
--          and last the rule for two payloads that meet: newest, first or with_score
-- Reply    an error if a set that was not found before has members but no payloads: KEYING and
--          its place among those of the call, from 0; if any was not found before, what the
--          script replies, and for each set a 1 if it has payloads, or had some, else a 0
-- include claims/prelude
local ITEMS, HELD, DEAD_ITEMS = unpack(KEYS, 12, 14)
local RULE = table.remove(ARGV)
local FOUND = table.remove(ARGV)

-- Of the sets that were not found before, by place: whether there were payloads, and their keys.
local looked_at = {}

local function is_plain(place, set, details, items, held)
  if FOUND == '' then return false end
  if string.byte(FOUND, place + 1) == 49 then
    check_seal(set)
    return false
  end
  local has_payloads = redis.call('EXISTS', items, held) > 0
  looked_at[place + 1] = {has_payloads, items, held}
  if has_payloads or redis.call('EXISTS', set, details) == 0 then return false end
  check_seal(set)
  return true
end

if is_plain(0, SET, DETAILS, ITEMS, HELD) then return redis.error_reply('KEYING 0') end

-- The members of a list of members and scores, which begins at an index.
local function members_of(entries, first, last)
  local members = {}
  for i = first or 1, last or #entries, 2 do members[#members + 1] = entries[i] end
  return members
end

-- Get payloads of members, false for those that have none, and drop those from an index on; in
-- parts that the Lua stack can hold.
local function payloads_of(hash, members)
  local payloads = {}
  for i = 1, #members, 1000 do
    local part = redis.call('HMGET', hash, unpack(members, i, math.min(i + 999, #members)))
    for _, payload in ipairs(part) do payloads[#payloads + 1] = payload end
  end
  return payloads
end

local function drop(hash, members, first)
  for i = first or 1, #members, 1000 do
    redis.call('HDEL', hash, unpack(members, i, math.min(i + 999, #members)))
  end
end

-- Entries as they are returned.
local function with_payloads(entries)
  return {entries, payloads_of(ITEMS, members_of(entries))}
end

-- Take the payloads that are given with as many members, and a 1 or 0 for each, whether it is
-- one, off the end of ARGV.
local function given_payloads()
  local flags, payloads = table.remove(ARGV), {}
  for i = #flags, 1, -1 do
    local payload = table.remove(ARGV)
    payloads[i] = string.byte(flags, i) == 49 and payload
  end
  return payloads
end

-- Whether a new score, or one that comes back, replaces another that is there.
local function supersedes(flag, there, score)
  if flag == 'LT' then return number(score) < number(there) end
  if flag == 'GT' then return number(score) > number(there) end
  return flag == ''
end

-- Whether the payload of a member that is about to be added, with a flag, replaces another.
local function takes_place(member, flag, score, is_newer)
  if RULE ~= 'with_score' and is_newer == (RULE == 'newest') then return true end
  local there = redis.call('ZSCORE', SET, member) or score_apart(member, PARKED, DELAYED, DETAILS)
  return not there or RULE == 'with_score' and supersedes(flag, there, score)
end

-- Store a payload, if there is one, over another that is there or not.
local function put(member, payload, over)
  if payload then redis.call(over and 'HSET' or 'HSETNX', ITEMS, member, payload) end
end

-- Store the payload of a member that is about to be added, unless the other one stays.
local function keep(member, payload, flag, score, is_newer)
  put(member, payload, payload and takes_place(member, flag, score, is_newer))
end

-- Drop the payloads of members that have left the set, but for those of copies that are apart.
local function left(members)
  local gone = members
  if redis.call('EXISTS', PARKED, DELAYED) > 0 then
    gone = {}
    for _, member in ipairs(members) do
      if not score_apart(member, PARKED, DELAYED, DETAILS) then gone[#gone + 1] = member end
    end
  end
  drop(ITEMS, gone)
end

-- What others take leaves its payload behind: drop all when nothing else is left.
local function tidy()
  if redis.call('EXISTS', SET, DETAILS) == 0 then redis.call('DEL', ITEMS) end
end

-- From here on, what the plain scripts call.

local plain_discard, plain_ranks, plain_trim = discard, discard_ranks, trim
local plain_bury, plain_unclaim = bury, unclaim

discard = function(key, members)
  plain_discard(key, members)
  left(members)
end

discard_ranks = function(key, first, last)
  local count = last - first + 1
  while first <= last do
    local members = redis.call('ZRANGE', key, first, math.min(first + 999, last))
    plain_ranks(key, first, first + #members - 1)
    left(members)
    last = last - #members
  end
  return count
end

unclaim = function(...)
  plain_unclaim(...)
  redis.call('HDEL', HELD, ...)
end

meet = function(member, flag, score)
  keep(member, redis.call('HGET', HELD, member), flag, score, false)
end

bury = function(member, ...)
  redis.call('HSET', DEAD_ITEMS, member, redis.call('HGET', HELD, member) or member)
  plain_bury(member, ...)
end

trim = function(dead, letters, limit)
  local count, dropped = plain_trim(dead, letters, limit)
  drop(DEAD_ITEMS, members_of(dropped))
  return count, dropped
end
