"""Taking answers out: one, those out of date, a namespace, a wrong one."""

from __future__ import annotations

from collections.abc import Iterable

from mneme.model import Hit, Vary
from mneme.runtime import feedback, invalidating
from mneme.runtime.invalidating import Source
from mneme.stores.base import Clear, Delete
from mneme.sync.waiting import Waiting


class Removing(Waiting):
    """Removes answers."""

    def delete(self, query: str, *, namespace: str = "default", vary: Vary | None = None) -> bool:
        """Remove the answer of the same request; return whether there was one."""
        core = self._core
        request = core.request(query, namespace, vary, "exact")
        self._store(core.read_up)
        if core.remote is not None:
            self._store(core.remote.fetch, request.key)
        record = core.peek(request)
        if record is None:
            return False
        self._write([Delete(record.key.hex())])
        return True

    def invalidate(
        self,
        *,
        tags: Iterable[str] = (),
        source: Source | None = None,
        query: str | None = None,
        near: str | None = None,
        min_similarity: float = 0.85,
        namespace: str | None = None,
    ) -> int:
        """Remove the answers that are out of date, whatever their `vary`; return how many.

        Exactly one of: tags, those that carry one of them; source, those made from it, or, as {source: version}, from
        another version of it; query, all answers of the same question; near, those to questions whose cosine with it
        reaches min_similarity. namespace: None is every one, or that of the scope around.
        What others put before this returns is removed too; what `get_or_compute` of this process began before is not
        stored. Raises StoreBackendError where the store cannot be read or written.
        """
        core = self._core
        core.check_open()
        aim = invalidating.aim(core, tags, source, query, near, min_similarity, namespace)
        vector = None if aim.near is None else self._vector(aim.near)
        self._store(core.journal.catch_up)
        number = 0
        # Writing brings in what others put meanwhile: until nothing is left of it.
        while removals := self._store(invalidating.removals, core, aim, vector):
            self._write(removals)
            number += len(removals)
        invalidating.tell(core, aim, number)
        return number

    def clear_namespace(self, namespace: str) -> int:
        """Remove a namespace's entries and counters; return how many entries."""
        return self._clear(self._core.requests.placed(namespace))

    def clear(self) -> int:
        """Remove every entry and all counters; return how many entries.

        Raises InvalidArgumentError inside a scope with a namespace.
        """
        self._check_unscoped()
        return self._clear(None)

    def _clear(self, namespace: str | None) -> int:
        self._look()
        number = self._core.entries(namespace)
        self._core.invalidated.note_cleared(namespace)
        self._write([Clear(namespace)])
        return number

    def report_wrong(self, hit: Hit) -> int:
        """Take back an answer that was wrong for what was asked; return how many entries changed.

        An answer to the very question is removed. One to another question stays with that question and is served to no
        other, nor is the same answer under questions near it; what would have been served it is served nothing by
        meaning from then on. The two questions are never taken for one another again: as long as the entry is kept,
        while the cache is open, and where it was opened with `feedback=` as long as that file is kept.
        """
        core = self._core
        core.check_open()
        feedback.check_hit(hit)
        self._store(feedback.note, core, hit)
        self._store(core.read_up)
        changes = self._store(feedback.corrections, core, hit)
        if changes:
            self._write(changes)
        return len(changes)

    def unreport(self, hit: Hit) -> int:
        """Take back what `report_wrong` was told of a semantic hit; return how many entries changed.

        hit: the one that was reported; or one of the entry's own question, which stands for all that was reported of
        that entry. An answer that was removed stays removed.
        """
        core = self._core
        core.check_open()
        feedback.check_hit(hit)
        self._store(core.read_up)
        changes = self._store(feedback.withdrawals, core, hit)
        if changes:
            self._write(changes)
        return len(changes)
