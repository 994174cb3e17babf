"""Entries that are put where they are newer than what is there, whichever key sealed that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mneme import MemoryStore, SQLiteStore
from mneme.stores.base import BEGINNING, Put
from mneme.stores.encrypted import EncryptedStore
from mneme.testing.reader import IDENTITY, Reader, entry

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@pytest.mark.parametrize("given", [[OLD], [NEW, OLD]], ids=["same key", "another key"])
def test_the_newer_is_put_and_the_older_gone(
    open_reader: Callable[..., Reader], path: Path, given: list[bytes]
) -> None:
    open_reader(OLD).write(Put(entry("kept", "there", created_at=9.0)), Put(entry("replaced", "there", created_at=1.0)))
    offered = [entry(name, "offered", created_at=5.0) for name in ("kept", "replaced", "new")]
    keys = [bytes.fromhex(each.query_hash) for each in offered]
    with closing(EncryptedStore(SQLiteStore(path), lambda: given)) as store:
        store.open(IDENTITY)
        before = store.created(keys)
        put = store.put_newer(offered, lambda new, at: new.created_at > at)
        after = store.created(keys)

    assert (list(before.values()), list(after.values())) == ([9.0, 1.0], [9.0, 5.0, 5.0])
    assert [each.query for each in put] == ["replaced", "new"]
    # Whoever opens it needs the key that sealed last.
    assert open_reader(*given).pull() == {"kept": "there", "replaced": "offered", "new": "offered"}
    with closing(SQLiteStore(path)) as under:
        under.identity()
        assert len([change for changes, _ in under.pull(BEGINNING) for change in changes]) == 3


def test_a_store_that_cannot_is_not_said_to() -> None:
    assert not hasattr(EncryptedStore(MemoryStore(), lambda: [OLD]), "put_newer")
