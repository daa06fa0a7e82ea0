"""`critical_differences`: mean ranks of conditions, and which of them are not told apart."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from polpo_lab.plots.canvas import canvas, explained, finished, ink, no_data
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import counted, figure, names_of
from polpo_lab.plots.marks import COLOURS
from polpo_lab.stats import RankComparison
from polpo_lab.stats.samples import Floats

# In rows below the axis of ranks.
BAR_GAP = 0.42
# By how much of the axis a bar stands out on both sides of the ranks that it joins.
OVERHANG = 0.004


def critical_differences(
    ranks: RankComparison, *, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Draw Demsar's critical-difference diagram.

    Parameters
    ----------
    ranks : RankComparison
        As `polpo_lab.stats.friedman` returns.
    level : float, default 0.95
        One minus the error rate of Nemenyi's test.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        Mean ranks, best at the left. A bar joins conditions whose ranks differ by less than the
        critical difference, which the ruler on top shows: they are undecided, not equal.

    Raises
    ------
    InvalidArgument
        When it is given something else, or the level is not between 0 and 1.

    References
    ----------
    .. [1] Demsar, J. (2006). Statistical comparisons of classifiers over multiple data sets.
       JMLR 7, 1-30.

    Examples
    --------
    >>> from polpo_lab import plots
    >>> from polpo_lab.stats import friedman
    >>> scores = [[4.1, 3.9, 2.0], [3.5, 3.6, 1.0], [4.8, 4.0, 3.9], [2.9, 2.2, 2.1]]
    >>> ax = plots.critical_differences(friedman(scores, ["A", "B", "C"]))
    >>> ax.texts[0].get_text()
    'critical difference 1.66'
    """
    ranks = given(ranks, RankComparison, "critical_differences", "polpo_lab.stats.friedman(...)")
    order = np.argsort(ranks.mean_ranks, kind="stable")
    apart = ranks.critical_difference(level)
    at = np.asarray(ranks.mean_ranks)[order]
    names = [names_of(ranks.names, 26)[place] for place in order]
    n_conditions = len(names)
    left = (n_conditions + 1) // 2
    bars = _undecided(at, apart)
    first_name = BAR_GAP * len(bars) + 1.0
    deepest = first_name + left
    ax = canvas(ax, width=8.0, height=1.9 + 0.26 * deepest)
    if np.isnan(at).all():
        return no_data(ax, "; ".join(ranks.notes) or "no ranks")
    ax.set_xlim(0.9, n_conditions + 0.1)
    ax.set_ylim(deepest, -3.0)
    _ruler(ax, apart)
    for depth, (low, high) in enumerate(bars, 1):
        ax.plot([low - OVERHANG * n_conditions, high + OVERHANG * n_conditions],
                [BAR_GAP * depth] * 2, color=COLOURS[1], linewidth=4,
                solid_capstyle="butt", zorder=3)  # fmt: skip
    for place, (rank, name) in enumerate(zip(at, names, strict=True)):
        is_left = place < left
        down = first_name + (place if is_left else n_conditions - 1 - place)
        _stem(ax, float(rank), down, f"{name}  {rank:.2f}", is_left=is_left)
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_label_position("bottom")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    ax.set_yticks([])
    told = f"Friedman p {figure(ranks.pvalue)}; bars: not told apart by Nemenyi's test at {level:g}"
    ax.set_xlabel(
        explained(
            ax,
            "mean rank over templates, 1 is best",
            told,
            f"n = {counted(ranks.n, 'template')}",
            *ranks.notes,
        ),
        labelpad=10,
    )
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    finished(ax)
    ax.spines["top"].set_visible(True)
    ax.spines["top"].set_position(("data", 0.0))
    return ax


def _undecided(ranks: Floats, apart: float) -> list[tuple[float, float]]:
    """Return the longest runs of sorted ranks that lie within the critical difference."""
    runs: list[tuple[int, int]] = []
    for start, rank in enumerate(ranks):
        end = int(np.searchsorted(ranks, rank + apart, side="left")) - 1
        if end > start and (not runs or end > runs[-1][1]):
            runs.append((start, end))
    return [(float(ranks[start]), float(ranks[end])) for start, end in runs]


def _ruler(ax: Axes, apart: float) -> None:
    start = ax.get_xlim()[0]
    ax.plot([start, start + apart], [-2.2, -2.2], color=ink(ax), linewidth=1.6, clip_on=False)
    for end in (start, start + apart):
        ax.plot([end, end], [-2.4, -2.0], color=ink(ax), linewidth=1.6, clip_on=False)
    ax.text(
        start + apart / 2, -2.5, f"critical difference {apart:.2f}",
        ha="center", va="bottom", color=ink(ax),
    )  # fmt: skip


def _stem(ax: Axes, rank: float, depth: float, text: str, *, is_left: bool) -> None:
    edge = ax.get_xlim()[0 if is_left else 1]
    ax.plot([rank, rank, edge], [0, depth, depth], color=ink(ax), linewidth=0.9, clip_on=False)
    ax.annotate(
        text, (edge, depth), xytext=(-4 if is_left else 4, 0), textcoords="offset points",
        ha="right" if is_left else "left", va="center", color=ink(ax), annotation_clip=False,
    )  # fmt: skip
