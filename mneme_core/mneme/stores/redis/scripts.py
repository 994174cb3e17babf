"""What runs inside the server, each script as one step that nothing comes between.

KEYS, in the order of NAMES, have one hash tag, so that they lie in one slot of a cluster. A sequence number is the
score of an entry's key in `order`, and of a note in `removals`; vectors and usage are kept by sequence number. `meta`
says what the name is bound to, which log this is (`epoch`), its last number, the last that was forgotten, and how many
entries and notes there should be: a server that evicts keys, or was emptied, is found out by it.
"""

from __future__ import annotations

from typing import Final

from mneme.stores.redis import indexing

NAMES: Final = ("meta", "order", "entries", "spaces", "vectors", "usage", "counters", "removals", "counts")

HEAD: Final = """
local meta, order, entries, spaces, vectors = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local usage, counters, removals, counts = KEYS[6], KEYS[7], KEYS[8], KEYS[9]

local function intact(held, noted)
  local n = redis.call('ZCARD', order)
  return n == tonumber(held) and n == redis.call('HLEN', entries) and n == redis.call('HLEN', spaces)
    and redis.call('ZCARD', removals) == tonumber(noted)
end
"""
INDEXING: Final = HEAD + indexing.FUNCTIONS
MAKE: Final = INDEXING + indexing.MAKE
FILL: Final = INDEXING + indexing.FILL

# ARGV: the fields of a new `meta`. Where it is missing, or what it speaks of is not there, all is made anew.
OPEN: Final = (
    INDEXING
    + """
local held = redis.call('HMGET', meta, 'held', 'noted', 'search', 'version')
if held[4] and held[4] ~= ARGV[2] then return redis.call('HGETALL', meta) end
if not held[1] or not intact(held[1], held[2]) then
  if held[3] or redis.call('EXISTS', counts) == 1 then
    way = held[3]
    unindex_all()
  end
  redis.call('DEL', unpack(KEYS))
  redis.call('HSET', meta, unpack(ARGV))
end
return redis.call('HGETALL', meta)
"""
)

# ARGV: epoch, expected sequence, removals kept, channel, 1 where FILL is to index what is put, which takes long, then
# changes (P key space payload vector | D key id |
# C all space), usage (U seq last uses) and counters (N field amount), each as a word and what belongs to it.
# Returns the last sequence number; -1 where others wrote first, -2 where this is not the log it was.
WRITE: Final = (
    INDEXING
    + """
local known = redis.call('HMGET', meta, 'epoch', 'last', 'held', 'noted', 'forgotten', 'search', 'dim')
if known[1] ~= ARGV[1] or not intact(known[3], known[4]) then return -2 end
local last = tonumber(known[2])
if last ~= tonumber(ARGV[2]) then return -1 end
local first = last
if known[6] then search_by(known[6], known[7]) end
local later = ARGV[5] == '1'
local refusal = refused()
if refusal then return refusal end

local function is_indexed_so(key, number, payload, vector)
  return way and vector ~= '' and redis.call('HGET', vectors, number) == vector
    and partition_of(redis.call('HGET', entries, key)) == partition_of(payload)
end

local function drop(key, number, stays_indexed)
  if way and not stays_indexed then unindex(key, redis.call('HGET', entries, key)) end
  redis.call('ZREM', order, key)
  redis.call('HDEL', entries, key)
  redis.call('HDEL', spaces, key)
  redis.call('HDEL', vectors, number)
  redis.call('HDEL', usage, number)
end

local at, removed = 6, false
while at <= #ARGV do
  local word = ARGV[at]
  if word == 'P' then
    last = last + 1
    local key, payload, vector = ARGV[at + 1], ARGV[at + 3], ARGV[at + 4]
    local old = redis.call('ZSCORE', order, key)
    -- Another answer to the same question, the most common replacement: nothing to index, which is what takes time.
    local stays = old and is_indexed_so(key, old, payload, vector)
    if old then drop(key, old, stays) end
    redis.call('ZADD', order, last, key)
    redis.call('HSET', spaces, key, ARGV[at + 2])
    redis.call('HSET', entries, key, payload)
    if vector ~= '' then redis.call('HSET', vectors, last, vector) end
    if way and vector ~= '' and not stays and not later then index(key, payload, vector) end
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
      if way then unindex_all() end
      if way == 'search' then create() end
      redis.call('DEL', order, entries, spaces, vectors, usage, counters)
      redis.call('ZADD', removals, last, last .. ':A:')
    else
      unindex_space(space)
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
local forgotten = known[5]
if removed and redis.call('ZCARD', removals) > 2 * tonumber(ARGV[3]) then
  forgotten = last - tonumber(ARGV[3])
  redis.call('ZREMRANGEBYSCORE', removals, '-inf', forgotten)
end
if way and later then
  local filled = redis.call('HGET', meta, 'filled')
  if filled == 'all' or tonumber(filled) > first then redis.call('HSET', meta, 'filled', first) end
end
if last ~= first then
  redis.call('HSET', meta, 'last', last, 'forgotten', forgotten,
    'held', redis.call('ZCARD', order), 'noted', redis.call('ZCARD', removals))
  redis.pcall('PUBLISH', ARGV[4], last)  -- one who may not publish is found by asking
end
return last
"""
)

# ARGV: the sequence read so far, how many entries at most, 1 where names are enough. Returns nothing where the log is
# not whole, else the newest sequence, the last forgotten, the epoch, the sequence that this batch reaches, entries
# (seq, key, and where names are not enough payload, vector, usage) and notes (seq, note).
SINCE: Final = (
    HEAD
    + """
local known = redis.call('HMGET', meta, 'epoch', 'last', 'held', 'noted', 'forgotten')
if not known[1] or not intact(known[3], known[4]) then return false end
local newest, forgotten = tonumber(known[2]), tonumber(known[5])
local most, is_named = tonumber(ARGV[2]), ARGV[3] == '1'
local found = redis.call('ZRANGEBYSCORE', order, '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local reached = newest
if #found == 2 * most then reached = tonumber(found[#found]) end
local rows = {}
for place = 1, #found, 2 do
  local key, number = found[place], found[place + 1]
  local row = {number, key}
  if not is_named then
    local vector, used = redis.call('HGET', vectors, number) or '', redis.call('HGET', usage, number) or ''
    row = {number, key, redis.call('HGET', entries, key), vector, used}
  end
  rows[#rows + 1] = row
end
local notes = {}
if is_named or ARGV[1] ~= '0' then notes = redis.call('ZRANGEBYSCORE', removals, '(' .. ARGV[1], reached) end
return {newest, forgotten, known[1], reached, rows, notes}
"""
)
