"""`threshold_sweep`: what errors cost, from which score on a criterion passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from polpo_lab.errors import InvalidArgument
from polpo_lab.plots.canvas import canvas, explained, finished, ink, legend, no_data
from polpo_lab.plots.comparison_words import span
from polpo_lab.plots.given import given_frame
from polpo_lab.plots.lettering import shortened
from polpo_lab.plots.marks import mark, whisker

COLUMNS = (
    "threshold", "cost", "cost_low", "cost_high", "false_pass_rate", "false_fail_rate", "n",
    "in_force", "recommended",
)  # fmt: skip
RATES = {"false_pass_rate": "false passes, of labels that fail",
         "false_fail_rate": "false fails, of labels that pass"}  # fmt: skip


def threshold_sweep(
    sweep: pd.DataFrame,
    *,
    criterion: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean cost of errors by threshold, with the threshold that is recommended.

    Parameters
    ----------
    sweep : DataFrame
        As ``exp.criteria(labels=...).sweep`` is: a row for each threshold that was tried, with
        ``threshold``, ``cost``, ``cost_low``, ``cost_high``, ``false_pass_rate``,
        ``false_fail_rate``, ``n``, and the flags ``in_force`` and ``recommended``;
        ``criterion`` where there are several.
    criterion : str, optional
        Which one; may be left out where there is only one.
    level : float, default 0.95
        Confidence level of the frame's intervals, as it is written below.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        Costs with intervals; both error rates on a second axis, at the right, without theirs.

    Raises
    ------
    InvalidArgument
        When it is given something else, a column is lacking, or the criterion has to be chosen.

    Examples
    --------
    >>> import pandas as pd
    >>> from polpo_lab import plots
    >>> sweep = pd.DataFrame(
    ...     {"threshold": [2.0, 3.0, 4.0], "cost": [0.4, 0.2, 0.3], "cost_low": [0.3, 0.1, 0.2],
    ...      "cost_high": [0.5, 0.3, 0.4], "false_pass_rate": [0.8, 0.3, 0.1],
    ...      "false_fail_rate": [0.0, 0.1, 0.5], "n": 60, "in_force": [False, False, True],
    ...      "recommended": [False, True, False]}
    ... )
    >>> ax = plots.threshold_sweep(sweep)
    >>> ax.get_ylabel()
    'mean cost of errors'
    """
    sweep = given_frame(sweep, COLUMNS, "threshold_sweep", "exp.criteria(labels=...).sweep")
    sweep = _of_one(sweep, criterion).sort_values("threshold")
    ax = canvas(ax, width=8.0, height=4.0)
    if sweep["cost"].isna().all():
        return no_data(ax, "no round with a score is labelled")
    handles = [_costs(ax, sweep)]
    names = ["mean cost of errors"]
    second = ax.twinx()
    for at, (column, name) in enumerate(RATES.items(), 1):
        handles += second.plot(
            sweep["threshold"], sweep[column],
            color=mark(at).colour, marker=mark(at).marker, linestyle=mark(at).line,
            linewidth=1, markersize=5,
        )  # fmt: skip
        names.append(name)
    second.set_ylim(-0.02, 1.02)
    second.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    second.set_ylabel("error rates")
    for column, line in (("recommended", "-"), ("in_force", ":")):
        for threshold in sweep.loc[sweep[column].astype(bool), "threshold"]:
            handles.append(ax.axvline(threshold, color=ink(ax), linestyle=line, linewidth=1.2))
            names.append(f"{column.replace('_', ' ')}: {threshold:g}")
    # As high as the error rates' axis is, so that both have their 0 at the same height.
    top = float(np.nanmax(sweep[["cost", "cost_high"]].to_numpy(float))) or 1.0
    ax.set_ylim(-0.02 * top, 1.02 * top)
    ax.set_ylabel("mean cost of errors")
    told = f"criterion: {shortened(sweep['criterion'].iloc[0])}" if "criterion" in sweep else ""
    ax.set_xlabel(
        explained(
            ax,
            "threshold: passes from this score on",
            told,
            f"{level:.0%} intervals of the cost, rates without",
            f"n = {span(map(int, sweep['n']))} labelled rounds",
        )
    )
    legend(ax, handles, names)
    ax.get_legend().set_bbox_to_anchor((1.13, 1.0))  # type: ignore[union-attr]
    finished(second)
    second.spines["right"].set_visible(True)
    return finished(ax)


def _of_one(sweep: pd.DataFrame, criterion: str | None) -> pd.DataFrame:
    known: Sequence[str] = list(dict.fromkeys(sweep["criterion"])) if "criterion" in sweep else []
    if criterion is None and len(known) <= 1:
        return sweep
    if criterion in known:
        return sweep[sweep["criterion"] == criterion]
    listed = ", ".join(map(repr, known)) or "the frame has no column 'criterion'"
    if criterion is None:
        raise InvalidArgument(f"several criteria: choose one with criterion=. Known: {listed}")
    raise InvalidArgument(f"criterion={criterion!r} is unknown. Known: {listed}")


def _costs(ax: Axes, sweep: pd.DataFrame) -> Line2D:
    how = mark(0)
    (line,) = ax.plot(sweep["threshold"], sweep["cost"], color=how.colour, marker=how.marker)
    ends = np.column_stack([sweep["cost_low"], sweep["cost_high"]])
    for x, y, (low, high) in zip(sweep["threshold"], sweep["cost"], ends, strict=True):
        whisker(ax, (x, y), (low, high), how, upright=True)
    return line
