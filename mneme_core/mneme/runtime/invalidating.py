"""The steps of `invalidate`: which entries are meant, and what removes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mneme.engine.judge import check_similarity
from mneme.engine.origins import Origins, check_sources, check_tags, origins_in
from mneme.errors import InvalidArgumentError
from mneme.indexes.base import Vector
from mneme.runtime import labels
from mneme.runtime.record import Record
from mneme.runtime.requests import Request
from mneme.runtime.searching import nearest
from mneme.stores.base import Delete

if TYPE_CHECKING:
    from mneme.runtime.core import Core

Source = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be removed: one of its four kinds, in one namespace or in all."""

    namespace: str | None
    tags: tuple[str, ...] = ()
    sources: Mapping[str, str | None] | None = None
    """Source -> the version that stays valid, or None where none does."""
    text: str | None = None
    """The canonical question whose answers go."""
    near: Request | None = None
    min_similarity: float = 1.0


def aim(
    core: Core,
    tags: Any,
    source: Any,
    query: str | None,
    near: str | None,
    min_similarity: float,
    namespace: str | None,
) -> Aim:
    """Return what is meant, and see to it that no answer begun before is stored after.

    Raises InvalidArgumentError unless exactly one of tags, source, query and near is given.
    """
    names = check_tags(tags)  # read once: an iterator says nothing of how many it has
    given = [name for name, value in (("tags", names), ("source", source), ("query", query), ("near", near)) if value]
    if len(given) != 1:
        raise InvalidArgumentError(
            f"exactly one of tags, source, query and near is needed, got {' and '.join(given) or 'none'}; an empty "
            "list of tags names nothing. "
            "To remove a whole namespace use clear_namespace."
        )
    check_similarity(min_similarity, "min_similarity")
    namespace = core.requests.placed(namespace)
    if names:
        found = Aim(namespace, tags=names)
        core.invalidated.note(labels.of_origins(Origins(names)))
    elif source:
        valid = check_sources(source) if isinstance(source, Mapping) else dict.fromkeys(check_tags([source]))
        found = Aim(namespace, sources=valid)
        core.invalidated.note([("source", name) for name in valid])
    elif query:
        found = Aim(namespace, text=core.request(query, namespace or "default", None, "exact").text)
        core.invalidated.note([("query", found.text or "")])
    else:
        request = core.request(near or "", namespace or "default", None, "semantic")
        if not request.semantic:
            raise unlike_anything(near)
        found = Aim(namespace, near=request, min_similarity=min_similarity)
        core.invalidated.note_all()  # how near an answer under way is to it is not known yet
    return found


def unlike_anything(near: str | None) -> InvalidArgumentError:
    """Return the error for a text that cannot be compared by meaning."""
    return InvalidArgumentError(
        f"near is a text of {len(near or '')} characters that has no vector: it is empty, kept out by bypass_if, or "
        "one that the embedder cannot tell from others. Nothing was removed; name answers by tags, source or query."
    )


def removals(core: Core, aim: Aim, vector: Vector | None) -> Sequence[Delete]:
    """Return what removes the entries that are meant and are here; each only while it is this version.

    vector: of `aim.near`. Raises InvalidArgumentError where that has none, StoreBackendError where vectors must still
    be read and cannot.
    """
    if aim.near is not None and vector is None:
        raise unlike_anything(aim.near.query)
    return [Delete(record.key.hex(), record.id) for record in _meant(core, aim, vector)]


def _meant(core: Core, aim: Aim, vector: Vector | None) -> Iterable[Record]:
    wanted = [("tag", tag) for tag in aim.tags] or [("source", source) for source in aim.sources or ()]
    if core.remote is not None:
        found = [
            record
            for record in core.records(aim.namespace)
            if not wanted or not set(wanted).isdisjoint(labels.of_record(record))
        ]
    elif wanted:
        with core.table.lock:
            found = core.table.labelled(wanted)
        found = [record for record in found if aim.namespace in (None, record.namespace)]
    else:
        found = list(core.records(aim.namespace))
    if aim.sources is not None:
        return [record for record in found if _is_outdated(record, aim.sources)]
    if aim.text is not None:
        return [record for record, query in core.texts.queries(found) if core.requests.canonical(query) == aim.text]
    return found if aim.near is None or vector is None else _near(core, found, vector, aim.min_similarity)


def _is_outdated(record: Record, valid: Mapping[str, str | None]) -> bool:
    held = origins_in(record.metadata_as_stored()).sources
    return any(name in valid and (valid[name] is None or valid[name] != version) for name, version in held.items())


def _near(core: Core, records: Iterable[Record], vector: Vector, floor: float) -> list[Record]:
    by_id = {record.id: record for record in records if record.searchable}
    sizes = Counter(record.partition for record in by_id.values())
    near = [nearest(core, partition, vector, size, floor) for partition, size in sizes.items()]
    return [by_id[number] for found in near for number, _ in found if number in by_id]


def tell(core: Core, aim: Aim, number: int) -> None:
    """Tell that entries were invalidated."""
    if number and core.events.heard:
        core.events.emit("invalidated", namespace=aim.namespace, count=number)
