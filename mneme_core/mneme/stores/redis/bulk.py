"""Everything that a name holds, read in batches.

A client in Python takes some 4 µs for each item of a reply, more than the server takes to read it: what is short comes
as one string for all. What is long does not: a script takes longer to join it.
"""

from __future__ import annotations

import json
from binascii import unhexlify
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mneme.stores.base import Cursor, EntryRow
from mneme.stores.redis import scripts
from mneme.stores.redis.link import Link

ROWS = 1_000

# ARGV: the sequence read so far, the last to be read ('+inf': the newest), how many entries at most. Returns the
# newest sequence, the epoch, how many were found, the last of them; then of all of them the numbers, the keys, the
# payloads, the bytes their vectors take, and the usages.
ENTRIES: Final = (
    scripts.HEAD
    + """
local known = redis.call('HMGET', meta, 'epoch', 'last', 'held', 'noted')
if not known[1] or not intact(known[3], known[4]) then return false end
local found = redis.call('ZRANGEBYSCORE', order, '(' .. ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local keys, numbers, lengths = {}, {}, {}
for place = 1, #found, 2 do
  keys[#keys + 1], numbers[#numbers + 1] = found[place], found[place + 1]
  lengths[#lengths + 1] = redis.call('HSTRLEN', vectors, found[place + 1])
end
local payloads, used = {}, {}
if #keys > 0 then
  payloads, used = redis.call('HMGET', entries, unpack(keys)), redis.call('HMGET', usage, unpack(numbers))
end
for place = 1, #keys do used[place] = used[place] or '' end
return {tonumber(known[2]), known[1], #keys, tonumber(numbers[#numbers] or 0), table.concat(numbers, ' '),
  table.concat(keys, ' '), payloads, table.concat(lengths, ' '), table.concat(used, ',')}
"""
)

# ARGV: the first and the last sequence, how many at most. Returns the numbers of the entries.
NUMBERS: Final = (
    scripts.HEAD
    + """
local found, numbers = redis.call('ZRANGEBYSCORE', order, ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3]), {}
for place = 2, #found, 2 do numbers[#numbers + 1] = found[place] end
return table.concat(numbers, ' ')
"""
)


def everything(link: Link) -> Iterator[tuple[list[EntryRow], Cursor]]:
    """Yield all entries that there are when the reading begins; the last batch comes with the cursor of that moment.

    What changes meanwhile has later numbers: a reader finds it from there, removals of what it has read included.
    """
    start, until = 0, "+inf"
    following = Cursor(0, 0)
    while True:
        newest, link.epoch, count, reached, *packed = link.whole("reading", ENTRIES, start, until, ROWS)
        if start == 0:
            following, until = Cursor(newest, link.mark), str(newest)
        ended = count < ROWS
        yield list(_rows(*packed)), following if ended else Cursor(0, 0)
        if ended:
            return
        start = reached


def all_vectors(link: Link, ids: range) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the ids and vectors of the entries among `ids` that have one."""
    start = ids.start
    while start < ids.stop:
        numbers = link.eval("reading", NUMBERS, start, ids.stop - 1, ROWS).split()
        if numbers:
            with link.using("reading") as client:  # what was removed meanwhile is not there: a number is used once
                vectors: Any = client.hmget(link.keys[4], numbers)
            yield [(int(number), vector) for number, vector in zip(numbers, vectors, strict=True) if vector]
        if len(numbers) < ROWS:
            return
        start = int(numbers[-1]) + 1


def _rows(numbers: bytes, keys: bytes, payloads: list[bytes], lengths: bytes, usages: bytes) -> Iterator[EntryRow]:
    each_used = usages.split(b",") if numbers else []
    columns: Sequence[Sequence[bytes]] = numbers.split(), keys.split(), lengths.split(), each_used
    for number, key, length, used, payload in zip(*columns, json.loads(b"[%s]" % b",".join(payloads)), strict=True):
        space, query, response, metadata, created, accessed, ttl, uses, partition, seconds = payload
        if used:
            last, more = used.split()
            accessed, uses = max(accessed, float(last)), uses + int(more)
        yield (
            int(number),
            space,
            unhexlify(key),
            query,
            response,
            int(length) or None,
            json.dumps(metadata) if metadata else None,
            created,
            accessed,
            ttl,
            uses,
            bytes.fromhex(partition),
            seconds,
        )
