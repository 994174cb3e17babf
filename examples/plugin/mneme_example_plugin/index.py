"""An index that looks at every vector."""

from mneme.indexes.base import Near


class BruteIndex:
    """Compares the query with every vector."""

    name = "brute"
    memory_bytes = 0
    tombstones = 0

    def __init__(self, dtype):
        self.dtype = dtype
        self._partitions = {}

    def add_many(self, partition, ids, vectors):
        self._partitions.setdefault(partition, {}).update(zip(ids, vectors, strict=True))

    def remove(self, partition, id):
        return self._partitions.get(partition, {}).pop(id, None) is not None

    def drop(self, partition):
        self._partitions.pop(partition, None)

    def search(self, partition, query, k, floor):
        found = [Near(id, float(row @ query)) for id, row in self._partitions.get(partition, {}).items()]
        return sorted((near for near in found if near.similarity >= floor), key=lambda near: -near.similarity)[:k]

    def count(self, partition):
        return len(self._partitions.get(partition, {}))

    def search_seconds(self, partition):
        return self.count(partition) * 1e-6

    def compact(self):
        return 0
