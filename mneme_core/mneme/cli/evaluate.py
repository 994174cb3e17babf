"""`mneme evaluate`: how many answers a policy serves, and how many of them are wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from mneme.cli.counting import counting
from mneme.cli.failing import exits
from mneme.cli.shared import plain, print_json
from mneme.cli.tables import print_table
from mneme.demo.traffic import DemoRequest, load
from mneme.errors import InvalidArgumentError
from mneme.evaluation.contenders import Contender, Own, Vectors
from mneme.evaluation.figures import Asked, Figures, by_kind, figures
from mneme.evaluation.peers import PEERS, Peer
from mneme.evaluation.policies import EXACT, HELP, policy_of
from mneme.evaluation.replaying import ask_pairs, replay
from mneme.runtime.pairs import LabelledPair, read_labelled

if TYPE_CHECKING:
    from mneme.embedders.base import Embedder

Context = Literal["exact", "similar"]

PAIRS_HELP = (
    'Labelled pairs, JSON lines: "a", "b", "same" (true or false); optional "kind", "cluster", "turns_a", "turns_b". '
    "Each pair is alone in the cache. Can be given several times."
)
STREAM_HELP = (
    'Requests in order, JSON lines: "prompt" or "messages", "truth" (equal where one answer serves both); '
    'optional "tenant", "kind". One cache answers all of them.'
)


def command(
    pairs: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help=PAIRS_HELP)] = [],  # noqa: B006
    stream: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help=STREAM_HELP)] = [],  # noqa: B006
    policy: Annotated[list[str], typer.Option(help=f"What judges: {HELP}. Several are compared.")] = ["guarded"],  # noqa: B006
    embedder: Annotated[
        str, typer.Option(help="MODULE:ATTRIBUTE, an embedder or what makes one.")
    ] = "mneme:default_embedder",
    peer: Annotated[
        list[str],
        typer.Option(
            help=f"NAME=PYTHON: another cache ({', '.join(PEERS)}) under the interpreter that has it installed; "
            "redisvl uses the server in REDIS_URL. It gets the same vectors and keeps its defaults."
        ),
    ] = [],  # noqa: B006
    context: Annotated[
        Context, typer.Option(help="Earlier turns must be equal, or may be worded differently; peers know none.")
    ] = "exact",
    kinds: Annotated[bool, typer.Option("--by-kind", help="Show each kind by itself, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Replay labelled pairs or a stream of requests through policies, and count right and wrong answers.

    Intervals are 95 % bootstrap intervals; pairs of one cluster, and requests of one truth, are resampled together.
    The baseline `exact` serves equal questions alone. Wrong answers are shown and do not change the exit code.
    """
    with exits():
        sets = [*map(_pairs, pairs), *map(_stream, stream)]
        if not sets:
            raise typer.BadParameter("give at least one file with --pairs or --stream.")
        results = _run(sets, policy, context, embedder, peer)
    if as_json:
        print_json([_as_json(*result) for result in results])
    else:
        _show(results, kinds)


COLUMNS = ("served", "wrong,\nof all", "right, of\nserved", "traps\nserved", "right\nfound")


class Set:
    """A file of pairs or requests."""

    def __init__(
        self, name: str, texts: list[str], ask: Callable[[Contender, Callable[[], None]], list[Asked]], size: int
    ) -> None:
        self.name, self.texts, self.ask, self.size = name, texts, ask, size


Result = tuple[Set, str, list[Asked], float]


def _pairs(path: Path) -> Set:
    found: list[LabelledPair] = read_labelled(path)
    if not found:
        raise InvalidArgumentError(f"{path} holds no pairs.")
    texts = [text for pair in found for text in (pair.a, pair.b)]
    return Set(path.name, texts, lambda contender, step: ask_pairs(contender, found, step), len(found))


def _stream(path: Path) -> Set:
    found: list[DemoRequest] = load(path)
    unknown = [request.id for request in found if request.truth is None]
    if unknown:
        raise InvalidArgumentError(
            f'{path}: {len(unknown)} of {len(found)} requests have no "truth", the first is {unknown[0]!r}. Without it '
            "right and wrong answers cannot be told apart."
        )
    return Set(path.name, [request.text for request in found], lambda it, step: replay(it, found, step), len(found))


def _run(
    sets: Sequence[Set], policies: Sequence[str], context: Context, embedder: str, peers: Sequence[str]
) -> list[Result]:
    vectors = Vectors(_embedder(embedder))
    makers = [_own(spec, vectors, context) for spec in dict.fromkeys([EXACT, *policies])]
    makers += [_peer(spec, vectors) for spec in peers]
    texts = [text for each in sets for text in each.texts]
    with counting("Embedding", len(vectors.unknown(texts))) as step:
        vectors.learn(texts, step)
    results = []
    with counting("Asking", sum(each.size for each in sets) * len(makers)) as step:
        for each in sets:
            for make in makers:
                with closing(make()) as contender:
                    started = time.perf_counter()
                    asked = each.ask(contender, lambda: step(1))
                    results.append((each, contender.name, asked, time.perf_counter() - started))
    return results


def _embedder(target: str) -> Embedder:
    from mneme.tools.loading import load_embedder

    return load_embedder(target)


def _own(spec: str, vectors: Vectors, context: Context) -> Callable[[], Contender]:
    policy = policy_of(spec, vectors.fingerprint)
    return lambda: Own(spec, vectors, policy, "exact" if policy is None else "semantic", context)


def _peer(spec: str, vectors: Vectors) -> Callable[[], Contender]:
    name, equals, python = spec.partition("=")
    if not equals or name not in PEERS:
        raise InvalidArgumentError(f"{spec!r} is no peer; write NAME=PYTHON, the name one of {', '.join(PEERS)}.")
    return lambda: Peer(name, python, vectors)


def _as_json(each: Set, contender: str, asked: list[Asked], seconds: float) -> dict[str, Any]:
    return {
        "set": each.name,
        "contender": contender,
        "seconds": seconds,
        **asdict(figures(asked)),
        "kinds": {kind: asdict(figures(of_kind)) for kind, of_kind in by_kind(asked).items()},
    }


def _show(results: Sequence[Result], kinds: bool) -> None:
    for name in dict.fromkeys(each.name for each, *_ in results):
        table = Table(title=plain(name), caption="[95 % intervals]")
        table.add_column("")
        for column in COLUMNS:
            table.add_column(column, no_wrap=True, justify="right")
        for each, contender, asked, _ in results:
            if each.name == name:
                _row(table, contender, figures(asked))
                if kinds:
                    for kind, of_kind in by_kind(asked).items():
                        _row(table, f"  {kind}", figures(of_kind))
        print_table(table)


def _row(table: Table, name: str, found: Figures) -> None:
    rates = (found.hits, found.wrong, found.precision, found.trapped, found.recall)
    table.add_row(f"{plain(name)}\n{found.hits.whole:,} asked", *(str(rate) for rate in rates))
