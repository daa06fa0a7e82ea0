"""`pass_rate_bars`: how often each condition passes, with its interval and its n."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.errors import InvalidArgument
from polpo_lab.plots.canvas import (
    MOST_ROWS,
    beside,
    canvas,
    explained,
    finished,
    height_of,
    ink,
    no_data,
    percent_axis,
    rows_of,
)
from polpo_lab.plots.comparison_words import (
    SOURCE,
    exploratory,
    left_out,
    level_words,
    method_words,
    templates_words,
)
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import names_of, percent, shortened
from polpo_lab.plots.marks import COLOURS


def pass_rate_bars(comparison: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw the pass rate of each condition of a comparison, as bars with intervals.

    Parameters
    ----------
    comparison : Comparison
        Of verdicts, or of another metric between 0 and 1.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A row for each condition, at most 40, with n used of n planned. Whether two of them
        differ is not read off their intervals: `forest` shows the differences.

    Raises
    ------
    InvalidArgument
        When it is given something else, or a metric that bars from 0 would distort.

    Examples
    --------
    >>> import pandas as pd
    >>> import polpo_lab as polpo
    >>> from polpo_lab import plots
    >>> verdicts = {"A": [1, 1, 0, 1, 1, 1], "B": [0, 1, 0, 0, 1, 0]}
    >>> df = pd.DataFrame(verdicts).rename_axis("template").reset_index()
    >>> df = df.melt("template", var_name="agent", value_name="passed")
    >>> ax = plots.pass_rate_bars(polpo.compare(df, by="agent"))
    >>> [text.get_text() for text in ax.texts]
    ['83.3% (43.6 to 97), 6 of 6', '33.3% (9.68 to 70), 6 of 6']
    """
    comparison = given(comparison, Comparison, "pass_rate_bars", SOURCE)
    if not comparison.metric.is_share:
        raise InvalidArgument(
            f"metric={comparison.metric.name!r} is no share between 0 and 1, and bars from 0 "
            "would distort it; plots.forest draws its differences"
        )
    conditions = comparison.conditions
    rows = conditions.head(MOST_ROWS)
    ax = canvas(ax, width=8.0, height=height_of(len(rows)))
    if rows["estimate"].isna().all():
        return no_data(ax, "; ".join(filter(None, rows["missing"])) or "no trial has a value")
    for at, row in enumerate(rows.to_dict("records")):
        _bar(ax, at, row)
    rows_of(ax, names_of(rows["condition"]))
    percent_axis(ax)
    ax.set_xlabel(
        explained(
            ax,
            level_words(comparison),
            f"{comparison.request.level:.0%} intervals, each by itself",
            method_words(rows["method"], ".conditions"),
            templates_words(rows["n_templates"], rows["n_clusters"]),
            "beside: n used of n planned trials",
            exploratory(comparison),
            left_out(len(rows), len(conditions), ".conditions"),
        )
    )
    return finished(ax)


def _bar(ax: Axes, at: int, row: dict[Any, Any]) -> None:
    counts = f"{row['n_used']} of {row['n_planned']}"
    rate, low, high = row["estimate"], row["low"], row["high"]
    if np.isnan(rate):
        beside(ax, at, f"missing: {shortened(row['missing'] or 'no value')}, {counts}")
        return
    ax.barh(at, rate, height=0.62, color=COLOURS[5], edgecolor=ink(ax), linewidth=0.8)
    if np.isnan(low):
        beside(ax, at, f"{percent(rate)} (no interval), {counts}")
        return
    errors = [[max(rate - low, 0.0)], [max(high - rate, 0.0)]]
    ax.errorbar(rate, at, xerr=errors, color=ink(ax), capsize=4, linewidth=1.4)
    beside(ax, at, f"{percent(rate)} ({100 * low:.3g} to {100 * high:.3g}), {counts}")
