"""Finds a similarity threshold from pairs of questions; also `python -m mneme.tools.calibrate`."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from mneme.errors import InvalidArgumentError
from mneme.evaluation.calibration import (
    CalibrationResult,
    NoThresholdError,
    PrecisionRecall,
    TargetMetric,
    check_grid,
    find_threshold,
    precision_recall_curve,
)
from mneme.model import VectorDtype
from mneme.runtime.pairs import read_pairs
from mneme.tools.loading import load_embedder

__all__ = ["CalibrationResult", "PrecisionRecall", "find_threshold", "main", "precision_recall_curve"]

BAD_GRID, BAD_FILE, BAD_EMBEDDER, NO_THRESHOLD, BAD_PAIRS = 1, 2, 3, 4, 5

EPILOG = """\
Both files are JSONL, a pair a line: {"a": "How do I pay?", "b": "Which ways to pay are there?"}

exit codes: 0 found, 1 bad grid, 2 a file that cannot be read or written (or bad usage), 3 an embedder that
cannot be imported or used, 4 no threshold meets the demands, 5 a file that is not such JSONL
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; bad usage exits at once, as argparse does."""
    options = _parser().parse_args(argv)
    try:
        with _stage(BAD_GRID, InvalidArgumentError):
            grid = None if options.grid is None else parse_grid(options.grid)
        with _stage(BAD_FILE, OSError), _stage(BAD_PAIRS, InvalidArgumentError):
            paraphrases, distractors = read_pairs(options.paraphrases), read_pairs(options.distractors)
        # The module and the embedder are the user's: they may raise anything.
        with _stage(BAD_EMBEDDER, Exception, f"the embedder {options.embedder}: "):
            embedder = load_embedder(options.embedder)
            with _stage(NO_THRESHOLD, NoThresholdError):
                result = find_threshold(
                    paraphrases,
                    distractors,
                    embedder,
                    target_metric=options.target_metric,
                    min_precision=options.min_precision,
                    min_recall=options.min_recall,
                    grid=grid,
                    vector_dtype=options.vector_dtype,
                )
        with _stage(BAD_FILE, OSError):
            _write(FORMATS[options.format](result), options.output)
    except _Stop as stop:
        print(f"calibrate: {stop}", file=sys.stderr)
        return stop.code
    return 0


def parse_grid(text: str) -> list[float]:
    """Return the thresholds of "0.8,0.85,0.9"; raise InvalidArgumentError for anything but cosines."""
    try:
        thresholds = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidArgumentError(f"the grid {text!r} is not a list of numbers such as 0.80,0.85,0.90.") from error
    return check_grid(thresholds)


class _Stop(Exception):  # noqa: N818  # an exit code, not an error
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def _stage(code: int, errors: type[Exception], prefix: str = "") -> Iterator[None]:
    """Turn `errors` raised inside into the command's end with `code`."""
    try:
        yield
    except _Stop:
        raise
    except errors as error:
        raise _Stop(code, f"{prefix}{str(error) or type(error).__name__}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mneme.tools.calibrate",
        description="Find the similarity threshold that best tells paraphrases from distractors.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--paraphrases", required=True, metavar="F", help="pairs that may share an answer")
    parser.add_argument("--distractors", required=True, metavar="F", help="pairs that must not share one")
    parser.add_argument("--embedder", required=True, metavar="MODULE:ATTR", help="an embedder, or what makes one")
    parser.add_argument("--target-metric", default="f1", choices=get_args(TargetMetric), help="what to maximise")
    parser.add_argument("--min-precision", type=_fraction, metavar="X", help="refuse thresholds below it")
    parser.add_argument("--min-recall", type=_fraction, metavar="X", help="refuse thresholds below it")
    parser.add_argument("--vector-dtype", default="float32", choices=get_args(VectorDtype))
    parser.add_argument("--grid", metavar="A,B,C", help="thresholds to try; 0.50 to 0.99 by default")
    parser.add_argument("--output", metavar="F", help="write there instead of to standard output")
    parser.add_argument("--format", default="human", choices=tuple(FORMATS))
    return parser


def _fraction(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} does not lie in [0, 1]")
    return value


def _as_json(result: CalibrationResult) -> str:
    value = {
        "threshold": result.threshold,
        "precision": result.precision,
        "recall": result.recall,
        "f1": result.f1,
        "pr_curve": [point._asdict() for point in result.pr_curve],
    }
    return json.dumps(value, indent=2) + "\n"


def _as_csv(result: CalibrationResult) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["threshold", "precision", "recall", "chosen"])
    for point in result.pr_curve:
        writer.writerow([*point, "yes" if point.threshold == result.threshold else "no"])
    return text.getvalue()


def _as_text(result: CalibrationResult) -> str:
    lines = [
        f"threshold {result.threshold:.4g}: precision {result.precision:.3f}, recall {result.recall:.3f}, "
        f"f1 {result.f1:.3f}",
        "",
        "threshold  precision  recall",
    ]
    for point in result.pr_curve:
        mark = "  <" if point.threshold == result.threshold else ""
        lines.append(f"{point.threshold:9.4g}  {point.precision:9.3f}  {point.recall:6.3f}{mark}")
    return "\n".join(lines) + "\n"


FORMATS = {"human": _as_text, "json": _as_json, "csv": _as_csv}


def _write(text: str, output: str | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        Path(output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
