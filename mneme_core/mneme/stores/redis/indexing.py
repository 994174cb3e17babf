"""What runs inside the server to keep a name searchable there: each entry with a vector is indexed as it is written.

`meta` says which `way`: `sets`, where each partition is a vector set of its own (Redis 8), its elements the keys; or
`search`, where each entry has a hash that an index of RediSearch finds by its prefix. `counts` says how many entries
each partition has there. A name that was never opened to be searched in has none of it.
"""

from __future__ import annotations

from typing import Final

# The layers' links and the breadth of the search when an entry is indexed: the defaults of vector sets, and of the
# paper (Malkov and Yashunin, 2016).
LINKS, BREADTH = 16, 200

# The partition is the last text of a payload; see wire.py.
FUNCTIONS: Final = f"""
local way, width
local root = string.sub(meta, 1, -5)

local function partition_of(payload) return string.match(payload, '.*"(%x*)", [^",]*%]$') end

local function search_by(kind, dim) way, width = kind, 4 * tonumber(dim) end

-- Before anything is written: a script that fails half way is not taken back.
local function refused()
  if way ~= 'sets' then return nil end
  for _, command in ipairs({{'VADD', 'VREM'}}) do
    local answer = redis.pcall(command, counts)
    if not string.find(answer.err, 'wrong number') then return answer end
  end
end

local function create()
  return redis.pcall('FT.CREATE', root .. 'index', 'ON', 'HASH', 'PREFIX', 1, root .. 'v:', 'SCHEMA',
    'partition', 'TAG', 'vector', 'VECTOR', 'HNSW', 10, 'TYPE', 'FLOAT32', 'DIM', width / 4,
    'DISTANCE_METRIC', 'COSINE', 'M', {LINKS}, 'EF_CONSTRUCTION', {BREADTH})
end

local function index(key, payload, vector)
  if #vector ~= width then return end
  local partition = partition_of(payload)
  local is_new
  if way == 'sets' then
    local set = root .. 'p:' .. partition
    is_new = redis.call('VADD', set, 'FP32', vector, key, 'Q8', 'EF', {BREADTH}, 'M', {LINKS}) == 1
  else
    is_new = redis.call('HSET', root .. 'v:' .. key, 'partition', 'x' .. partition, 'vector', vector) == 2
  end
  if is_new then redis.call('HINCRBY', counts, partition, 1) end
end

local function unindex(key, payload)
  local partition = partition_of(payload)
  local gone
  if way == 'sets' then
    gone = redis.call('VREM', root .. 'p:' .. partition, key)
  else
    gone = redis.call('DEL', root .. 'v:' .. key)
  end
  if gone == 1 and redis.call('HINCRBY', counts, partition, -1) <= 0 then redis.call('HDEL', counts, partition) end
end

local function unindex_set(partition)
  redis.call('UNLINK', root .. 'p:' .. partition)
  redis.call('HDEL', counts, partition)
end

-- To be called while the entries are there. Whichever way it was, where that is not known any more.
local function unindex_all()
  for _, partition in ipairs(redis.call('HKEYS', counts)) do redis.call('UNLINK', root .. 'p:' .. partition) end
  redis.call('DEL', counts)
  if way ~= 'sets' then redis.pcall('FT.DROPINDEX', root .. 'index', 'DD') end
  if way == 'search' then  -- what was not indexed yet is still there
    for _, key in ipairs(redis.call('ZRANGE', order, 0, -1)) do redis.call('UNLINK', root .. 'v:' .. key) end
  end
end

-- A partition that goes as a whole, as it does with its namespace, is one key: to take its elements out one by one
-- takes as long as putting them in.
local function unindex_space(space)
  if way ~= 'sets' or redis.call('HGET', meta, 'filled') ~= 'all' then return end
  local going, all = {{}}, redis.call('HGETALL', spaces)
  for place = 1, #all, 2 do
    local key = all[place]
    if all[place + 1] == space and redis.call('HEXISTS', vectors, redis.call('ZSCORE', order, key)) == 1 then
      local partition = partition_of(redis.call('HGET', entries, key))
      going[partition] = (going[partition] or 0) + 1
    end
  end
  for partition, count in pairs(going) do
    if count == tonumber(redis.call('HGET', counts, partition) or 0) then unindex_set(partition) end
  end
end
"""

# ARGV: the way to take where none was. Makes the name searchable: from here on every writer keeps it so, and FILL adds
# what is there. What was indexed and is no longer there is indexed again. Returns the way, and how far it is filled.
MAKE: Final = """
local known = redis.call('HMGET', meta, 'held', 'noted', 'search', 'dim', 'filled')
if not known[1] or not intact(known[1], known[2]) then return false end
search_by(known[3] or ARGV[1], known[4])
local refusal = refused()
if refusal then return refusal end

local all, total, is_lost = redis.call('HGETALL', counts), 0, false
for place = 1, #all, 2 do
  total = total + tonumber(all[place + 1])
  if way == 'sets' and redis.call('VCARD', root .. 'p:' .. all[place]) ~= tonumber(all[place + 1]) then
    unindex_set(all[place])
    is_lost = true
  end
end
local is_whole = known[5] ~= 'all' or total == redis.call('HLEN', vectors)

if way == 'sets' and not is_whole then
  for _, payload in ipairs(redis.call('HVALS', entries)) do unindex_set(partition_of(payload)) end
elseif way == 'search' then
  local made = create()
  if made.err and not string.find(made.err, 'exists') then return made end
  is_whole = is_whole and (made.err or not known[3])
  local indexed = redis.call('FT.SEARCH', root .. 'index', '*', 'LIMIT', 0, 0, 'DIALECT', 2)[1]
  local told, is_busy = redis.call('FT.INFO', root .. 'index'), false
  for place = 1, #told, 2 do
    local field = type(told[place]) == 'table' and told[place].ok or told[place]
    if field == 'indexing' then is_busy = tonumber(told[place + 1]) ~= 0 end
  end
  if not is_whole or (indexed ~= total and not is_busy) then
    is_whole = false
    unindex_all()
    create()
  end
end
if is_lost or not is_whole or not known[3] then redis.call('HSET', meta, 'search', way, 'filled', 0) end
return {way, redis.call('HGET', meta, 'filled')}
"""

# ARGV: how many entries at most. Indexes the oldest that are not; returns how many are left to look at.
FILL: Final = """
local known = redis.call('HMGET', meta, 'held', 'noted', 'search', 'dim', 'filled')
if not known[1] or not intact(known[1], known[2]) or not known[3] then return false end
if known[5] == 'all' then return 0 end
search_by(known[3], known[4])
local reached, added, most = known[5], 0, tonumber(ARGV[1])
local found = redis.call('ZRANGEBYSCORE', order, '(' .. reached, '+inf', 'WITHSCORES', 'LIMIT', 0, 10 * most)
for place = 1, #found, 2 do
  local key, number = found[place], found[place + 1]
  local vector, payload = redis.call('HGET', vectors, number), redis.call('HGET', entries, key)
  local is_there = false
  if vector and way == 'sets' then
    is_there = redis.call('VLINKS', root .. 'p:' .. partition_of(payload), key)
  elseif vector then
    is_there = redis.call('EXISTS', root .. 'v:' .. key) == 1
  end
  if vector and not is_there then
    index(key, payload, vector)
    added = added + 1
  end
  reached = number
  if added == most then break end
end
local left = redis.call('ZCOUNT', order, '(' .. reached, '+inf')
redis.call('HSET', meta, 'filled', left == 0 and 'all' or reached)
return left
"""
