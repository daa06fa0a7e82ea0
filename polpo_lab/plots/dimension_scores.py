"""`score_distributions`: how often reviewers gave 1, 2, ... 5, by dimension and condition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Patch

from polpo_lab.analysis import columns as c
from polpo_lab.plots.canvas import (
    MOST_ROWS,
    beside,
    canvas,
    explained,
    finished,
    height_of,
    ink,
    legend,
    no_data,
    percent_axis,
    rows_of,
)
from polpo_lab.plots.comparison_words import left_out
from polpo_lab.plots.given import given_frame
from polpo_lab.plots.lettering import as_drawn, names_of, shortened
from polpo_lab.plots.marks import RAMP
from polpo_lab.stats.samples import Floats

GRADES = (1, 2, 3, 4, 5)
EDGES = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)
# Narrower parts have no room for their number.
SPELLED_FROM = 0.06


def score_distributions(scores: pd.DataFrame, *, by: str = c.AGENT, ax: Axes | None = None) -> Axes:
    """Draw how often each score from 1 to 5 was given, by dimension and condition.

    Parameters
    ----------
    scores : DataFrame
        The scores frame: a row for each dimension and reviewer. What should not count, such as
        scores that the consensus dropped (``kept``), is left out by whoever calls.
    by : str, default "agent"
        Column whose values are told apart within each dimension.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A row for each dimension and condition, at most 40; n and what is missing beside it. The
        shares are counted, not estimated: they have no interval.

    Raises
    ------
    InvalidArgument
        When it is given something else, or a column is lacking.

    Examples
    --------
    >>> import pandas as pd
    >>> from polpo_lab import plots
    >>> scores = pd.DataFrame(
    ...     {"dimension": "correctness", "agent": ["A", "A", "B"], "score": [5.0, 4.0, None]}
    ... )
    >>> ax = plots.score_distributions(scores)
    >>> [text.get_text() for text in ax.texts if text.get_text().startswith("n =")]
    ['n = 2', 'n = 0, 1 missing']
    """
    columns = [c.DIMENSION, by, c.SCORE]
    scores = given_frame(scores, columns, "score_distributions", 'exp.frame("scores")')
    every = list(scores.groupby([c.DIMENSION, by], observed=True, sort=True))
    groups = every[:MOST_ROWS]
    n_dimensions = len({key[0] for key, _ in groups})
    ax = canvas(ax, height=height_of(len(groups) + n_dimensions), width=8.0)
    if scores[c.SCORE].isna().all():
        return no_data(ax, "the frame has no rows" if not len(scores) else "every score is missing")
    lines = _lines([str(key[0]) for key, _ in groups])
    for line, (_, rows) in zip(lines, groups, strict=True):
        _row(ax, line, rows[c.SCORE].to_numpy(float))
    rows_of(ax, names_of((key[1] for key, _ in groups), 24), lines)
    _headings(ax, lines, [str(key[0]) for key, _ in groups])
    percent_axis(ax)
    ax.set_xlim(0, 1)
    ax.set_xlabel(
        explained(
            ax,
            "share of scores",
            "n = scores given, by all reviewers in the frame",
            "counted: no interval",
            f"by {shortened(by)}",
            left_out(len(groups), len(every), "the frame"),
        )
    )
    samples = [
        Patch(facecolor=_colour(grade), edgecolor=ink(ax), linewidth=0.6) for grade in GRADES
    ]
    legend(ax, samples, [f"score {grade}" for grade in GRADES], above=True)
    ax.spines["left"].set_visible(False)
    return finished(ax)


def _lines(dimensions: list[str]) -> list[int]:
    """Return where the rows lie: a line is left free above those of each dimension."""
    lines = [1]
    for before, after in pairwise(dimensions):
        lines.append(lines[-1] + (1 if before == after else 2))
    return lines[: len(dimensions)]


def _headings(ax: Axes, lines: list[int], dimensions: list[str]) -> None:
    ax.set_ylim(max(lines) + 0.6, -0.4)
    for dimension in dict.fromkeys(dimensions):
        first = lines[dimensions.index(dimension)]
        ax.text(
            0.0, first - 0.92, as_drawn(shortened(dimension, 48)), fontweight="bold",
            ha="left", va="center", fontsize="small", color=ink(ax),
        )  # fmt: skip


def _row(ax: Axes, line: int, values: Floats) -> None:
    known = values[~np.isnan(values)]
    lost = len(values) - len(known)
    told = f"n = {len(known):,}" + (f", {lost:,} missing" if lost else "")
    beside(ax, line, told)
    if not len(known):
        return
    shares = np.histogram(known, bins=EDGES)[0] / len(known)
    left = 0.0
    for grade, share in zip(GRADES, shares, strict=True):
        ax.barh(
            line, share, left=left, height=0.72,
            color=_colour(grade), edgecolor=ink(ax), linewidth=0.6,
        )  # fmt: skip
        if share >= SPELLED_FROM:
            ax.text(
                left + share / 2, line, f"{100 * share:.0f}",
                ha="center", va="center", fontsize="x-small",
                color="white" if grade <= 2 else "black",
            )  # fmt: skip
        left += share


def _colour(grade: int) -> str:
    return to_hex(colormaps[RAMP]((grade - 1) / (len(GRADES) - 1)))
