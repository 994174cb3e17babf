"""What runs inside the server to find entries there.

A search runs within the script, so that what it finds and what is read of it are of one state, for one journey. Vector
sets would search in a thread of their own outside of one, which takes longer unless the server has cores to spare.
"""

from __future__ import annotations

from typing import Final

from mneme.stores.redis import scripts

# Returns whether there are vector sets, and RediSearch.
COMMANDS: Final = """
local sets = redis.call('COMMAND', 'INFO', 'VADD', 'VSIM', 'VLINKS')
local index = redis.call('COMMAND', 'INFO', 'FT.CREATE', 'FT.SEARCH', 'FT.INFO')
return {sets[1] and sets[2] and sets[3] and 1 or 0, index[1] and index[2] and index[3] and 1 or 0}
"""

# ARGV: a key. Returns nothing where the name is not whole, else number, payload and usage of its entry, or an empty
# list.
FIND: Final = (
    scripts.HEAD
    + """
local known = redis.call('HMGET', meta, 'held', 'noted')
if not known[1] or not intact(known[1], known[2]) then return false end
local number = redis.call('ZSCORE', order, ARGV[1])
if not number then return {} end
return {number, redis.call('HGET', entries, ARGV[1]), redis.call('HGET', usage, number) or ''}
"""
)

# Returns nothing where the name is not whole, else namespaces, each followed by how many entries it has.
SIZES: Final = (
    scripts.HEAD
    + """
local known = redis.call('HMGET', meta, 'held', 'noted')
if not known[1] or not intact(known[1], known[2]) then return false end
local sizes, found = {}, {}
for _, space in ipairs(redis.call('HVALS', spaces)) do sizes[space] = (sizes[space] or 0) + 1 end
for space, size in pairs(sizes) do
  found[#found + 1], found[#found + 2] = space, size
end
return found
"""
)

# ARGV: the partition in hexadecimal, a vector, how many, how many more of a vector set, the breadth of the search, the
# least score of a vector set, the greatest distance of an index. Returns nothing where the name is not whole or not
# searchable, `lost` where what was indexed is not there, else of what was found the numbers, keys, payloads, vectors
# and usages, joined where they are short: see bulk.py.
#
# Within a partition, an index compares with all of it, or searches all entries for more and more until there are enough
# of the partition; of its own accord it does the first where it takes ten times as long. At 384 numbers one comparison
# takes 0.3 µs, and a step of the search 3 µs for each of k x entries / size of the partition.
NEAREST: Final = (
    scripts.HEAD
    + """
local known = redis.call('HMGET', meta, 'held', 'noted', 'search')
if not known[1] or not intact(known[1], known[2]) or not known[3] then return false end
local partition, vector, count, breadth = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local root = string.sub(meta, 1, -5)
local keys, size = {}, tonumber(redis.call('HGET', counts, partition) or 0)

if known[3] == 'sets' then
  local set = root .. 'p:' .. partition
  if redis.call('VCARD', set) ~= size then
    redis.call('UNLINK', set)
    redis.call('HDEL', counts, partition)
    redis.call('HSET', meta, 'filled', 0)
    return 'lost'
  end
  local found = size == 0 and {} or
    redis.call('VSIM', set, 'FP32', vector, 'WITHSCORES', 'COUNT', count + ARGV[4], 'EF', breadth)
  for place = 1, #found, 2 do
    if (tonumber(found[place + 1]) or -1) >= tonumber(ARGV[6]) then keys[#keys + 1] = found[place] end
  end
else
  local how = 'HYBRID_POLICY BATCHES EF_RUNTIME ' .. breadth
  if size * size < 128 * redis.call('ZCARD', order) then how = 'HYBRID_POLICY ADHOC_BF' end
  local query = '(@partition:{x' .. partition .. '})=>[KNN ' .. count .. ' @vector $v ' .. how .. ' AS distance]'
  local found = redis.call('FT.SEARCH', root .. 'index', query, 'PARAMS', 2, 'v', vector, 'SORTBY', 'distance',
    'LIMIT', 0, count, 'RETURN', 1, 'distance', 'DIALECT', 2)
  for place = 2, #found, 2 do
    if (tonumber(found[place + 1][2]) or 9) <= tonumber(ARGV[7]) then
      keys[#keys + 1] = string.sub(found[place], #root + 3)
    end
  end
end

if #keys == 0 then return {'', '', {}, {}, ''} end
local numbers, held = {}, {}
for place, number in ipairs(redis.call('ZMSCORE', order, unpack(keys))) do
  if number then held[#held + 1], numbers[#numbers + 1] = keys[place], number end
end
if #held == 0 then return {'', '', {}, {}, ''} end
local floats, payloads = redis.call('HMGET', vectors, unpack(numbers)), redis.call('HMGET', entries, unpack(held))
local used = redis.call('HMGET', usage, unpack(numbers))
for place = #held, 1, -1 do
  used[place] = used[place] or ''
  if not floats[place] or #floats[place] ~= #vector then
    for _, column in ipairs({numbers, held, payloads, floats, used}) do table.remove(column, place) end
  end
end
return {table.concat(numbers, ' '), table.concat(held, ' '), payloads, floats, table.concat(used, ',')}
"""
)
