"""`calibration`: what a judge's score is worth: how often labels pass what got it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from polpo_lab.plots.canvas import canvas, explained, finished, ink, no_data, percent_axis
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import counted
from polpo_lab.plots.marks import mark, whisker
from polpo_lab.stats import Calibration


def calibration(
    calibrated: Calibration,
    *,
    threshold: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of labels that pass, by the score the judge gave.

    Parameters
    ----------
    calibrated : Calibration
        As `polpo_lab.stats.calibration` returns.
    threshold : float, optional
        The score from which on the judge passes, drawn as a dashed line.
    level : float, default 0.95
        Confidence level of the intervals.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A mark for each score that was given, with its interval and its n. A judge that can be
        trusted has low marks left of its threshold and high ones right of it.

    Raises
    ------
    InvalidArgument
        When it is given something else, or the level is not between 0 and 1.

    Examples
    --------
    >>> from polpo_lab import plots, stats
    >>> judged = stats.calibration([1, 2, 2, 4, 4, 5, 5, 5], [0, 0, 1, 1, 0, 1, 1, 1])
    >>> ax = plots.calibration(judged, threshold=3)
    >>> [text.get_text() for text in ax.texts]
    ['1', '2', '2', '3']
    """
    source = "polpo_lab.stats.calibration(scores, labels)"
    calibrated = given(calibrated, Calibration, "calibration", source)
    ax = canvas(ax, width=6.0, height=4.0)
    if not calibrated.n:
        return no_data(ax, "; ".join(calibrated.notes) or "no item has a score and a label")
    there = ~np.isnan(calibrated.scores)
    scores = calibrated.scores[there]
    rates = [rate for rate, known in zip(calibrated.rates, there, strict=True) if known]
    how = mark(0)
    ax.plot(scores, [rate.estimate for rate in rates], color=how.colour, linewidth=1, alpha=0.6)
    for score, rate in zip(scores, rates, strict=True):
        whisker(
            ax, (score, rate.estimate), rate.confidence_interval(level), how, upright=True
        )  # fmt: skip
        ax.annotate(
            f"{rate.n:,}", (score, rate.estimate), xytext=(6, 5), textcoords="offset points",
            fontsize="small", color=ink(ax),
        )  # fmt: skip
    if threshold is not None:
        ax.axvline(threshold, color=ink(ax), linestyle="--", linewidth=1)
    percent_axis(ax, "y")
    ax.set_xlim(float(calibrated.edges[0]), float(calibrated.edges[-1]))
    ax.set_ylabel("share of labels that pass")
    ax.set_xlabel(
        explained(
            ax,
            "score that the judge gave",
            f"{level:.0%} intervals",
            calibrated.method,
            f"n = {counted(calibrated.n, 'item')}, beside each mark its own",
            "" if threshold is None else f"dashed: passes from {threshold:g} on",
            *calibrated.notes,
        )
    )
    return finished(ax)
