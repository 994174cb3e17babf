"""What runs inside the server, each script as one step that nothing comes between.

KEYS, in this order: meta, seq, forgotten, order, entries, spaces, vectors, usage, counters, removals. All have one hash
tag, so that they lie in one slot of a cluster. A sequence number is the score of an entry's key in `order`, and of a
note in `removals`; vectors and usage are kept by sequence number.
"""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "meta", "seq", "forgotten", "order", "entries", "spaces", "vectors", "usage", "counters", "removals",
)  # fmt: skip

OPEN: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('HSET', KEYS[1], unpack(ARGV)) end
return redis.call('HGETALL', KEYS[1])
"""

# ARGV: expected sequence, removals kept, channel, then changes (P key space payload vector | D key id | C all space),
# usage (U seq last uses) and counters (N field amount), each as a word and what belongs to it.
WRITE: Final = """
local seq, order, entries, spaces, vectors = KEYS[2], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local usage, counters, removals = KEYS[8], KEYS[9], KEYS[10]
local last = tonumber(redis.call('GET', seq) or '0')
if last ~= tonumber(ARGV[1]) then return -1 end
local first = last

local function drop(key, number)
  redis.call('ZREM', order, key)
  redis.call('HDEL', entries, key)
  redis.call('HDEL', spaces, key)
  redis.call('HDEL', vectors, number)
  redis.call('HDEL', usage, number)
end

local at, removed = 4, false
while at <= #ARGV do
  local word = ARGV[at]
  if word == 'P' then
    last = last + 1
    local key = ARGV[at + 1]
    local old = redis.call('ZSCORE', order, key)
    if old then drop(key, old) end
    redis.call('ZADD', order, last, key)
    redis.call('HSET', spaces, key, ARGV[at + 2])
    redis.call('HSET', entries, key, ARGV[at + 3])
    if ARGV[at + 4] ~= '' then redis.call('HSET', vectors, last, ARGV[at + 4]) end
    at = at + 5
  elseif word == 'D' then
    last, removed = last + 1, true
    local key, id = ARGV[at + 1], ARGV[at + 2]
    local old = redis.call('ZSCORE', order, key)
    if old and (id == '' or tonumber(id) == tonumber(old)) then
      drop(key, old)
      redis.call('ZADD', removals, last, last .. ':K:' .. key)
    else
      redis.call('ZADD', removals, last, last .. ':K:')
    end
    at = at + 3
  elseif word == 'C' then
    last, removed = last + 1, true
    local space = ARGV[at + 2]
    if ARGV[at + 1] == '1' then
      redis.call('DEL', order, entries, spaces, vectors, usage, counters)
      redis.call('ZADD', removals, last, last .. ':A:')
    else
      local all = redis.call('HGETALL', spaces)
      for place = 1, #all, 2 do
        if all[place + 1] == space then drop(all[place], redis.call('ZSCORE', order, all[place])) end
      end
      local start = #space .. ':' .. space
      for _, field in ipairs(redis.call('HKEYS', counters)) do
        if string.sub(field, 1, #start) == start then redis.call('HDEL', counters, field) end
      end
      redis.call('ZADD', removals, last, last .. ':N:' .. space)
    end
    at = at + 3
  elseif word == 'U' then
    local number = ARGV[at + 1]
    if redis.call('ZCOUNT', order, number, number) == 1 then
      local accessed, uses = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
      local before = redis.call('HGET', usage, number)
      if before then
        local then_at, then_uses = string.match(before, '^(%S+) (%S+)$')
        accessed, uses = math.max(accessed, tonumber(then_at)), uses + tonumber(then_uses)
      end
      redis.call('HSET', usage, number, string.format('%.17g %d', accessed, uses))
    end
    at = at + 4
  else
    redis.call('HINCRBY', counters, ARGV[at + 1], ARGV[at + 2])
    at = at + 3
  end
end
if removed and redis.call('ZCARD', removals) > 2 * tonumber(ARGV[2]) then
  local forgotten = last - tonumber(ARGV[2])
  redis.call('ZREMRANGEBYSCORE', removals, '-inf', forgotten)
  redis.call('SET', KEYS[3], forgotten)
end
if last ~= first then
  redis.call('SET', seq, last)
  redis.call('PUBLISH', ARGV[3], last)
end
return last
"""

# ARGV: the sequence read so far, how many entries at most. Returns the newest sequence, the last forgotten, the one
# that this batch reaches, entries (seq, key, payload, vector, usage) and notes (seq, note).
SINCE: Final = """
local newest = tonumber(redis.call('GET', KEYS[2]) or '0')
local forgotten = tonumber(redis.call('GET', KEYS[3]) or '0')
local from, most = tonumber(ARGV[1]), tonumber(ARGV[2])
if from < forgotten then from = 0 end
local found = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local reached = newest
if #found == 2 * most then reached = tonumber(found[#found]) end
local entries = {}
for place = 1, #found, 2 do
  local key, number = found[place], found[place + 1]
  local vector = redis.call('HGET', KEYS[7], number) or ''
  local used = redis.call('HGET', KEYS[8], number) or ''
  entries[#entries + 1] = {number, key, redis.call('HGET', KEYS[5], key), vector, used}
end
local notes = {}
if from > 0 then notes = redis.call('ZRANGEBYSCORE', KEYS[10], '(' .. from, reached) end
return {newest, forgotten, reached, entries, notes}
"""
