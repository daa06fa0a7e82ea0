"""`durations`: how long trials take: the share that has come to its end after so many seconds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from polpo_lab.analysis import columns as c
from polpo_lab.plots.canvas import (
    canvas,
    explained,
    finished,
    legend,
    log_axis,
    no_data,
    percent_axis,
)
from polpo_lab.plots.given import given_frame
from polpo_lab.plots.lettering import counted, names_of, shortened
from polpo_lab.plots.marks import Mark, key, mark
from polpo_lab.stats.samples import Floats

TIMEOUT = "timeout"
# Clocks tell milliseconds, and a logarithmic axis has no 0.
SHORTEST_SECONDS = 0.001
Flags = NDArray[np.bool_]


def durations(
    tasks: pd.DataFrame,
    *,
    by: str = c.AGENT,
    seconds: str = c.WORKING_SECONDS,
    ax: Axes | None = None,
) -> Axes:
    """Draw how long trials take: for every duration, the share that ended by then.

    Parameters
    ----------
    tasks : DataFrame
        The tasks frame, a row for each trial. Where it has ``exit_reason``, trials that ran into
        their time limit count among all, and never as ended.
    by : str, default "agent"
        Column whose values are told apart.
    seconds : str, default "working_seconds"
        Column of durations, in seconds: ``wall_seconds`` includes queues and reviews.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A step for every trial, so there is no estimate and no interval. The legend says n, and
        how many trials have no duration or ran into the limit.

    Raises
    ------
    InvalidArgument
        When it is given something else, or a column is lacking.

    Examples
    --------
    >>> import pandas as pd
    >>> from polpo_lab import plots
    >>> tasks = pd.DataFrame({"agent": ["A", "A", "B"], "working_seconds": [1.5, 4.0, None]})
    >>> ax = plots.durations(tasks)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['A: n = 2', 'B: n = 0, 1 missing']
    """
    tasks = given_frame(tasks, [by, seconds], "durations", 'exp.frame("tasks")')
    ax = canvas(ax, height=4.0, width=8.0)
    if tasks[seconds].isna().all():
        return no_data(ax, _why(tasks, seconds))
    groups = list(tasks.groupby(by, observed=True, sort=False))
    names = names_of(name for name, _ in groups)
    for at, (_, rows) in enumerate(groups):
        _steps(ax, rows[seconds].to_numpy(float), _timed_out(rows), mark(at))
    percent_axis(ax, "y")
    log_axis(ax)
    ax.set_ylabel("share of trials that ended by then")
    ax.set_xlabel(
        explained(
            ax,
            f"seconds ({shortened(seconds)}), logarithmic",
            f"n = {counted(int(tasks[seconds].notna().sum()), 'trial')}",
            "each trial a step: no interval",
            "runs into the time limit count as not ended" if _timed_out(tasks).any() else "",
        )
    )
    told = [
        f"{name}: {_counts(rows, seconds)}" for name, (_, rows) in zip(names, groups, strict=True)
    ]
    legend(ax, [key(mark(at), line=True) for at in range(len(groups))], told, title=shortened(by))
    return finished(ax)


def _timed_out(rows: pd.DataFrame) -> Flags:
    if c.EXIT_REASON not in rows.columns:
        return np.zeros(len(rows), bool)
    return (rows[c.EXIT_REASON].astype(object) == TIMEOUT).to_numpy(bool)


def _steps(ax: Axes, values: Floats, timed_out: Flags, how: Mark) -> None:
    known = ~np.isnan(values)
    ended = np.sort(np.maximum(values[known & ~timed_out], SHORTEST_SECONDS))
    if not known.any():
        return
    shares = np.arange(1, len(ended) + 1) / known.sum()
    ax.step(
        np.concatenate([ended[:1], ended]), np.concatenate([[0.0], shares]), where="post",
        color=how.colour, linestyle=how.line, linewidth=1.6,
        marker=how.marker, markersize=5, markevery=(0.05, 0.12),
    )  # fmt: skip


def _counts(rows: pd.DataFrame, seconds: str) -> str:
    known = rows[seconds].notna()
    told = f"n = {int(known.sum()):,}"
    limit = int((_timed_out(rows) & known.to_numpy()).sum())
    if limit:
        told += f", {limit} into the limit"
    lost = int((~known).sum())
    return f"{told}, {lost:,} missing" if lost else told


def _why(tasks: pd.DataFrame, seconds: str) -> str:
    if not len(tasks):
        return "the frame has no rows"
    return f"every {seconds} is missing"
