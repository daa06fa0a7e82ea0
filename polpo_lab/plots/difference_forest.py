"""`forest`: the differences of a comparison, each with its interval and its verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.plots.canvas import (
    MOST_ROWS,
    beside,
    canvas,
    explained,
    finished,
    height_of,
    ink,
    legend,
    log_axis,
    no_data,
    rows_of,
)
from polpo_lab.plots.comparison_words import (
    SOURCE,
    difference_words,
    exploratory,
    left_out,
    method_words,
    templates_words,
)
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import names_of
from polpo_lab.plots.marks import COLOURS, interval

# Verdict -> colour, marker, whether the marker is filled. None: the ink of the axes.
VERDICTS: dict[str, tuple[str | None, str, bool]] = {
    "better": (COLOURS[0], ">", True),
    "worse": (COLOURS[1], "<", True),
    "equivalent": (COLOURS[2], "s", True),
    "undecided": (None, "o", False),
    "not assessable": (None, "x", False),
}


def forest(comparison: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw the differences of a comparison: a forest plot.

    Parameters
    ----------
    comparison : Comparison
        As `polpo_lab.compare` returns.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A row for each contrast, at most 40, with its interval: differences in points or the
        metric's unit, durations as ratios on a logarithmic axis. The dashed line is no
        difference, the band the margin of equivalence. A difference without interval is a
        mark without a line.

    Raises
    ------
    InvalidArgument
        When it is given something else.

    Examples
    --------
    >>> import pandas as pd
    >>> import polpo_lab as polpo
    >>> from polpo_lab import plots
    >>> verdicts = {"A": [1, 1, 0, 1, 1, 1], "B": [0, 1, 0, 0, 1, 0]}
    >>> df = pd.DataFrame(verdicts).rename_axis("template").reset_index()
    >>> df = df.melt("template", var_name="agent", value_name="passed")
    >>> ax = plots.forest(polpo.compare(df, by="agent"))
    >>> ax.get_xlabel().splitlines()[0]
    'difference in pass rate, points'
    """
    comparison = given(comparison, Comparison, "forest", SOURCE)
    differences = comparison.differences
    rows = differences.head(MOST_ROWS)
    ax = canvas(ax, width=8.0, height=height_of(len(rows)))
    if rows["difference"].isna().all():
        return no_data(ax, "no difference can be estimated; .differences says why")
    is_ratio = comparison.metric.scale == "ratio"
    if is_ratio:
        log_axis(ax)
    _margin(ax, comparison)
    ax.axvline(1.0 if is_ratio else 0.0, color=ink(ax), linestyle="--", linewidth=1, zorder=1)
    for at, row in enumerate(rows.to_dict("records")):
        _row(ax, at, row)
    rows_of(ax, _names(comparison, rows))
    kind = "simultaneous " if comparison.is_simultaneous else ""
    ax.set_xlabel(
        explained(
            ax,
            difference_words(comparison),
            f"{comparison.request.level:.0%} {kind}intervals",
            method_words(rows["method"], ".differences"),
            _seed(rows),
            templates_words(rows["n_templates"], rows["n_clusters"]),
            exploratory(comparison),
            left_out(len(rows), len(differences), ".differences"),
        )
    )
    present = [name for name in VERDICTS if name in set(rows["verdict"])]
    legend(ax, [_key(ax, name) for name in present], present, above=True)
    return finished(ax)


def _names(comparison: Comparison, rows: pd.DataFrame) -> list[str]:
    if comparison.request.interaction:
        return names_of(rows["contrast"], 44)
    # Each side by itself: of a long name something has to be left on both sides of the minus.
    names = comparison.table.names
    short = dict(zip(names, names_of(names, 22), strict=True))
    return [f"{short[a]} - {short[b]}" for a, b in zip(rows["a"], rows["b"], strict=True)]


def _seed(rows: pd.DataFrame) -> str:
    seeds = rows["seed"].dropna()
    return f"seed {int(seeds.iloc[0])}" if len(seeds) else ""


def _row(ax: Axes, at: int, row: dict[Any, Any]) -> None:
    colour, marker, is_filled = VERDICTS[row["verdict"]]
    colour = colour or ink(ax)
    low, high = row["low"], row["high"]
    if np.isnan(row["difference"]):
        beside(ax, at, "missing")
        return
    interval(ax, (row["difference"], at), (low, high), colour)
    fill = colour if is_filled else ax.get_facecolor()
    ax.plot([row["difference"]], [at], marker, color=colour, markerfacecolor=fill, zorder=3)
    spelled = [_spelled(row[name], row["unit"]) for name in ("difference", "low", "high")]
    told = "no interval" if np.isnan(low) else f"{spelled[1]} to {spelled[2]}"
    beside(ax, at, f"{spelled[0]} ({told})")


def _spelled(value: float, unit: str) -> str:
    return f"{value:+.1f}" if unit == "points" else f"{value:.3g}"


def _key(ax: Axes, verdict: str) -> Line2D:
    colour, marker, is_filled = VERDICTS[verdict]
    colour = colour or ink(ax)
    return Line2D(
        [], [], color=colour, marker=marker, linestyle="none",
        markerfacecolor=colour if is_filled else ax.get_facecolor(),
    )  # fmt: skip


def _margin(ax: Axes, comparison: Comparison) -> None:
    margin = comparison.request.margin
    if margin is None:
        return
    scale = comparison.metric.scale
    ends = {
        "points": (-100 * margin, 100 * margin),
        "units": (-margin, margin),
        "ratio": (1 / margin, margin),
    }[scale]
    ax.axvspan(*ends, color=ink(ax), alpha=0.12, linewidth=0, zorder=0)
