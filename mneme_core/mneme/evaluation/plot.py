"""The picture of a calibration: precision and hit rate against the limit."""

from __future__ import annotations

from os import PathLike

from mneme.evaluation.tuning import Tuned

# Okabe and Ito's palette: apart for colour-blind eyes too.
PRECISION, HITS = "#0072B2", "#E69F00"


def draw(tuned: Tuned, name: str, path: str | PathLike[str]) -> None:
    """Write a PNG. Raises ImportError without matplotlib, OSError where the file cannot be written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    limits = [point.limit for point in tuned.curve]
    axes.step(limits, [point.precision for point in tuned.curve], where="pre", color=PRECISION, label="precision")
    axes.step(
        limits, [point.hit_rate for point in tuned.curve], where="pre", color=HITS, linestyle="--", label="hit rate"
    )
    axes.axvspan(tuned.limit_low, tuned.limit_high, color="#999999", alpha=0.2, label="95 % of resampled choices")
    axes.axvline(tuned.limit, color="black", linestyle=":", label=f"chosen: {tuned.limit:.4g}")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(name)
    axes.set_title("What is served from a limit on, of the labelled pairs")
    axes.legend(loc="lower left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150, metadata={"Software": "mneme calibrate"})
