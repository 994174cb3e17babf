"""`mneme calibrate`: how careful to be, from pairs, a log or a shadow's findings of one's own."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from mneme.cli.counting import counting
from mneme.cli.failing import exits
from mneme.cli.shared import harmless, print_json, print_lines
from mneme.errors import InvalidArgumentError, MnemeError
from mneme.evaluation.contenders import Vectors
from mneme.evaluation.mining import FLOOR, Mined, mine, read_log, sample
from mneme.evaluation.tuning import Tuned, scorer, texts_of, tune
from mneme.runtime.pairs import LabelledPair, append_row, latest, read_labelled
from mneme.runtime.policy_file import write_policy
from mneme.tools.loading import load_embedder

Kind = Literal["guarded", "threshold"]
Judge = Callable[[str, str], bool | None]

# How many of the pairs that no limit keeps apart are shown.
SHOWN = 5

NAMES = {"guarded": "P(same answer), at least", "threshold": "cosine, at least"}
PAIRS_HELP = (
    'Labelled pairs, JSON lines: "a", "b", "same" (true or false), optional "cluster". What `Shadow(path=...)` and '
    "`feedback=` write are such files. Can be given several times."
)
LOG_HELP = (
    'Queries in order: a text a line, or JSON lines with "query", "prompt" or "messages". Each is paired with '
    "the nearest before it, and you, or --judge, say whether one answer serves both."
)
JUDGE_HELP = "MODULE:ATTRIBUTE, a function of two questions that returns True, False, or None to skip: a model, say."


def command(
    pairs: Annotated[
        list[Path], typer.Option("--pairs", "--shadow", exists=True, dir_okay=False, help=PAIRS_HELP)
    ] = [],  # noqa: B006
    log: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=LOG_HELP)] = None,
    judge: Annotated[str | None, typer.Option(help=JUDGE_HELP)] = None,
    questions: Annotated[int, typer.Option(min=1, help="With --log: how many pairs to label at most.")] = 100,
    labels: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="With --log: where labels go and come from.", show_default="LOG.pairs.jsonl"),
    ] = None,
    policy: Annotated[Kind, typer.Option(help="What is calibrated.")] = "guarded",
    min_precision: Annotated[
        float, typer.Option(min=0.01, max=1, help="Of the answers served, the part that must be right.")
    ] = 0.98,
    embedder: Annotated[
        str, typer.Option(help="MODULE:ATTRIBUTE, an embedder or what makes one.")
    ] = "mneme:default_embedder",
    out: Annotated[Path, typer.Option(dir_okay=False, help="The policy file.")] = Path("policy.json"),
    plot: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The picture, a PNG.", show_default="calibration.png")
    ] = None,
    no_plot: Annotated[bool, typer.Option("--no-plot", help="Draw nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Choose how careful the cache is from questions of your own, and write it as a policy file.

    Load the file with SemanticCache.open(url, policy="policy.json").
    """
    with exits():
        if not pairs and log is None:
            raise typer.BadParameter("give labelled pairs with --pairs, or a log with --log.")
        vectors = Vectors(load_embedder(embedder))
        labelled = [pair for path in pairs for pair in read_labelled(path)]
        mined = None
        if log is not None:
            file = labels or log.with_name(f"{log.name}.pairs.jsonl")
            mined = _mined(log, vectors)
            answered = _label(mined, file, _judge(judge), questions)
            if not answered:
                _without_labels(_no_labels(mined, log), bool(labelled))
            labelled += answered
        labelled = latest(labelled)
        with counting("Embedding", len(vectors.unknown(texts_of(labelled)))) as step:
            vectors.learn(texts_of(labelled), step)
        replaces = out.exists()
        tuned = tune(labelled, vectors, policy, min_precision=min_precision)
        found = _measured(tuned, labelled, mined, vectors, policy)
        write_policy(tuned.policy, vectors.fingerprint, out, found)
        drawn = None if no_plot else _draw(tuned, policy, plot)
    if as_json:
        print_json({"policy": str(out), "kind": policy, **found})
    else:
        _show(tuned, policy, found, out, drawn)
        _warn(tuned, min_precision, out if replaces else None)


def _mined(log: Path, vectors: Vectors) -> Mined:
    queries = read_log(log)
    with counting("Embedding", len(vectors.unknown(queries))) as step:
        vectors.learn(queries, step)
    return mine(queries, vectors)


def _label(mined: Mined, file: Path, judge: Judge | None, questions: int) -> list[LabelledPair]:
    """Return the labels that `file` has, and those of new pairs, each written there as soon as it is known."""
    known = read_labelled(file) if file.exists() else []
    have = {(pair.a, pair.b) for pair in known}
    wanted = [pair for pair in sample(mined.pairs, len(mined.pairs)) if pair not in have]
    for number, (a, b) in enumerate(wanted[: max(0, questions - len(known))], start=len(known) + 1):
        try:
            same = judge(a, b) if judge is not None else _ask(a, b, f"{number}/{min(questions, len(mined.pairs))}")
        except (EOFError, KeyboardInterrupt, typer.Abort):
            break
        except Exception as error:  # the function is the user's: it may raise anything
            raise MnemeError(
                f"the judge failed on {a[:80]!r} and {b[:80]!r}: {type(error).__name__}: {error}"
            ) from error
        if same is not None:
            append_row(file, {"a": a, "b": b, "same": bool(same), "kind": "log"})
            known.append(LabelledPair(a, b, bool(same), "log", a))
    return known


def _no_labels(mined: Mined, log: Path) -> str:
    """Return why a log gave no labels, and what to do about it."""
    if mined.pairs:
        return (
            f"nothing was labelled: of {len(mined.pairs):,} pairs of {log} none was answered with yes or no. Run it "
            "again and answer some; what was answered is kept."
        )
    unlike = mined.requests - mined.repeats
    if unlike < 2:
        return (
            f"{log} asks one question alone, {mined.requests:,} times: nothing is compared by meaning there. Give a "
            "log of different questions, or labelled pairs with --pairs."
        )
    return (
        f"{log} gives nothing to label: of its {unlike:,} different queries none lies near an earlier one (cosine "
        f"{FLOOR} or more), so that a cache would serve next to none of them by meaning. Give a longer log, of weeks "
        "say; see that each line is one user's question alone and that --embedder is the cache's own; or give labelled "
        "pairs with --pairs. Until then keep the default policy, which needs no calibration."
    )


def _without_labels(why: str, are_others: bool) -> None:
    """Say that a log gave no labels; raises InvalidArgumentError where no others were given."""
    if not are_others:
        raise InvalidArgumentError(why)
    typer.echo(harmless(f"The pairs given are all there is: {why}"), err=True)


def _ask(a: str, b: str, number: str) -> bool | None:
    """Ask the person at the terminal; None skips. Raises typer.Abort to end."""
    typer.echo(harmless(f"\n[{number}]\n  1  {a}\n  2  {b}"), err=True)
    said = typer.prompt("Would one answer serve both? (y)es, (n)o, (s)kip, (q)uit", err=True).strip().lower()[:1]
    if said == "q":
        raise typer.Abort
    return {"y": True, "n": False}.get(said)


def _judge(target: str | None) -> Judge | None:
    if target is None:
        return None
    module, _, path = target.partition(":")
    found: Any = reduce(getattr, path.split("."), importlib.import_module(module)) if path else None
    if not callable(found):
        raise InvalidArgumentError(f"{target!r} does not name a function; write it as module:attribute.")
    return cast("Judge", found)


def _measured(
    tuned: Tuned, pairs: Sequence[LabelledPair], mined: Mined | None, vectors: Vectors, policy: Kind
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "pairs": len(pairs),
        "served": tuned.precision.whole,
        "limit": tuned.limit,
        "limit_interval": [tuned.limit_low, tuned.limit_high],
        **{name: asdict(getattr(tuned, name)) for name in ("precision", "hit_rate", "trapped")},
        "unseen": {"precision": asdict(tuned.unseen_precision), "hit_rate": asdict(tuned.unseen_hit_rate)},
        "as_it_is": asdict(tuned.as_it_is),
    }
    if mined is not None:
        score = scorer(vectors, policy)
        found["log"] = {
            "requests": mined.requests,
            "repeats": mined.repeats,
            "served_by_meaning": sum(score(a, b) >= tuned.limit for a, b in mined.pairs),
        }
    return found


def _draw(tuned: Tuned, policy: Kind, path: Path | None) -> Path | None:
    """Draw the picture; return where it is, or None where matplotlib is not there and no picture was asked for."""
    from mneme.evaluation.plot import draw

    place = path or Path("calibration.png")
    try:
        draw(tuned, NAMES[policy], place)
    except ImportError as error:
        remedy = 'pip install "mneme-middleware[demo]"'
        if path is None:
            typer.echo(f"No picture: it needs matplotlib ({remedy}).", err=True)
            return None
        raise ImportError(f"the picture needs matplotlib: {remedy}, or say --no-plot ({error})") from error
    return place


def _warn(tuned: Tuned, min_precision: float, replaced: Path | None) -> None:
    """Say what the numbers cannot show, what they show against the new policy, and what was written over."""
    said = []
    sure, served = tuned.precision.low or 0.0, tuned.precision.whole
    if sure < min_precision:
        enough = math.inf if min_precision == 1 else math.ceil(math.log(0.05) / math.log(min_precision))
        said.append(
            f"Too few pairs to be sure: {served} are served, and the precision may still be {sure:.0%}. To show "
            f"{min_precision:.0%} takes {enough:,} served, all of them right."
        )
    usual = tuned.as_it_is
    found, before = tuned.hit_rate.value or 0.0, usual.hit_rate.value or 0.0
    if found < before:
        said.append(
            f"With the default limit {before:.1%} of what is the same would be served, with this one {found:.1%}: that "
            "is the price of the precision asked for."
        )
    if found < before and usual.wrong:
        said += [
            f"{len(usual.wrong)} pairs that must not share an answer look as sure as right ones; a limit keeps out "
            "both. Where the file of labels is given as feedback= of SemanticCache.open, just these pairs are refused:",
            *(f"  {harmless(pair.a)[:80]}  |  {harmless(pair.b)[:80]}" for pair in usual.wrong[:SHOWN]),
        ]
    if replaced is not None:
        said.append(f"{replaced} was there before and was replaced.")
    for line in said:
        typer.echo(line, err=True)


def _show(tuned: Tuned, policy: Kind, found: dict[str, Any], out: Path, plot: Path | None) -> None:
    def said(rate: Any) -> str:
        return str(rate).replace("\n", " ")

    usual = tuned.as_it_is
    lines = [
        f"{found['pairs']:,} labelled pairs; in brackets 95 % intervals, in percent after a percentage",
        f"{NAMES[policy]}  {tuned.limit:.4g} [{tuned.limit_low:.4g}, {tuned.limit_high:.4g}]",
        f"precision  {said(tuned.precision)}   on pairs it was not chosen on  {said(tuned.unseen_precision)}",
        f"hit rate  {said(tuned.hit_rate)}   on pairs it was not chosen on  {said(tuned.unseen_hit_rate)}",
        f"traps served  {said(tuned.trapped)}",
        f"the default limit, {usual.limit:.4g}  precision  {said(usual.precision)}   hit rate  {said(usual.hit_rate)}",
    ]
    if "log" in found:
        log = found["log"]
        lines.append(
            f"of the log's {log['requests']:,} requests {log['repeats']:,} repeat an earlier one, and about "
            f"{log['served_by_meaning']:,} more would be served by meaning"
        )
    lines.append(f'policy  {out}: SemanticCache.open(url, policy="{out}")' + (f"   picture  {plot}" if plot else ""))
    print_lines(lines)
