"""What the rest of an experiment will probably take: tasks, time, cost, each with a range.

From trials that were run before. A range is a prediction interval for a sum: it covers the
chance in what is still to come, and the uncertainty of the means it is predicted from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import escape_html

LEVEL = 0.95
_METHOD = (
    "sum of the conditions' means, with a 95% prediction interval (Welch-Satterthwaite); "
    "a condition without two trials takes those of its agent, else all"
)


@dataclass(frozen=True)
class Predicted:
    """A sum that is still to come.

    Attributes
    ----------
    estimate, low, high : float
        NaN when nothing is known to predict it from.
    n : int
        Trials it is predicted from.
    """

    estimate: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if math.isnan(self.estimate):
            return "unknown"
        if math.isnan(self.low):
            return f"about {self.estimate:.3g} (no range from so few trials)"
        return f"{self.estimate:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class Estimate:
    """What is outstanding of an experiment, and what it will probably take.

    Attributes
    ----------
    tasks : int
        Trials that are still to be run.
    planned : int
    cost : Predicted
        In the currency of the agents.
    hours : Predicted
        At ``concurrency`` trials at once, or as many as are left, by how long trials took
        from start to end.
    concurrency : int
    by_condition : pandas.DataFrame
        Outstanding trials and means, a row for each condition.
    replays : tuple of str
        Policies whose trials are an exact replay of another's, in words.
    notes : tuple of str
    method : str
    """

    tasks: int
    planned: int
    cost: Predicted
    hours: Predicted
    concurrency: int
    by_condition: pd.DataFrame
    replays: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    method: str = _METHOD

    def __repr__(self) -> str:
        lines = [
            f"{self.tasks:,} of {self.planned:,} trials are still to be run",
            f"  cost   {self.cost}",
            f"  hours  {self.hours}, at {self.concurrency} at once",
            *(f"  {line}" for line in (*self.replays, *self.notes)),
            f"  ({self.method}; n = {max(self.cost.n, self.hours.n)})",
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{escape_html(repr(self))}</pre>{self.by_condition.to_html(index=False)}"


def estimate(
    outstanding: pd.DataFrame,
    known: pd.DataFrame,
    *,
    planned: int,
    concurrency: int,
    replays: Sequence[str] = (),
) -> Estimate:
    """Predict what outstanding trials will take.

    Parameters
    ----------
    outstanding : pandas.DataFrame
        A row for each, with agent, policy and criteria.
    known : pandas.DataFrame
        A ``tasks`` frame of trials that were run, of this experiment or of a pilot.
    planned : int
        Trials of the whole plan.
    concurrency : int
    replays : sequence of str

    Returns
    -------
    Estimate

    Raises
    ------
    InvalidArgument
        When ``known`` is no ``tasks`` frame, or ``concurrency`` no whole number from 1 on.
    """
    axes = [c.AGENT, c.POLICY, c.CRITERIA]
    _check(known, concurrency)
    rows: list[dict[str, Any]] = []
    parts: dict[str, list[tuple[int, np.ndarray[Any, Any]]]] = {"cost": [], "seconds": []}
    for key, group in outstanding.groupby(axes, observed=True, sort=False):
        agent, policy, criteria = (str(part) for part in key)
        of_agent = known[known[c.AGENT] == agent]
        of_condition = of_agent[(of_agent[c.POLICY] == policy) & (of_agent[c.CRITERIA] == criteria)]
        row: dict[str, Any] = {
            c.AGENT: agent,
            c.POLICY: policy,
            c.CRITERIA: criteria,
            "outstanding": len(group),
        }
        for what, column in (("cost", c.COST), ("seconds", c.WALL_SECONDS)):
            values = _first_enough(column, of_condition, of_agent, known)
            parts[what].append((len(group), values))
            row[f"mean_{what}"] = values.mean() if len(values) else math.nan
            row[f"n_{what}"] = len(values)
        rows.append(row)
    seconds = _predicted(parts["seconds"])
    at_once = max(1, min(concurrency, len(outstanding)))
    return Estimate(
        tasks=len(outstanding),
        planned=planned,
        cost=_predicted(parts["cost"]),
        hours=_scaled(seconds, 1 / (3600 * at_once)),
        concurrency=concurrency,
        by_condition=pd.DataFrame(rows),
        replays=tuple(replays),
        notes=_notes(known, len(outstanding)),
    )


def _check(known: Any, concurrency: Any) -> None:
    if not isinstance(known, pd.DataFrame):
        raise InvalidArgument(
            f"pilot={known!r:.80} is no frame: give exp.frame('tasks') of another experiment"
        )
    needed = (c.AGENT, c.POLICY, c.CRITERIA, c.COST, c.WALL_SECONDS, c.STARTED_AT)
    if absent := [name for name in needed if name not in known.columns]:
        raise InvalidArgument(
            f"the pilot has no column {absent[0]!r}: give a 'tasks' frame, as exp.frame('tasks') is"
        )
    if not isinstance(concurrency, Integral) or int(concurrency) < 1:
        raise InvalidArgument(f"concurrency={concurrency!r} must be a whole number from 1 on")


def _first_enough(column: str, *frames: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Return the values of the first frame that has two of them, else those of the last."""
    values = np.empty(0)
    for frame in frames:
        values = frame[column].dropna().to_numpy(dtype=float)
        if len(values) > 1:
            break
    return values


def _predicted(parts: list[tuple[int, np.ndarray[Any, Any]]]) -> Predicted:
    """Predict a sum of independent parts, each so many draws like those that are known."""
    from scipy import stats

    n = sum(len(values) for _, values in parts)
    if not parts:
        return Predicted(0.0, 0.0, 0.0, 0)
    if any(len(values) == 0 for _, values in parts):
        return Predicted(math.nan, math.nan, math.nan, n)
    total = sum(count * float(values.mean()) for count, values in parts)
    if any(len(values) == 1 for _, values in parts):
        return Predicted(total, math.nan, math.nan, n)
    variances = [
        float(values.var(ddof=1)) * (count + count**2 / len(values)) for count, values in parts
    ]
    variance = sum(variances)
    if variance == 0:
        return Predicted(total, total, total, n)
    freedom = variance**2 / sum(
        v**2 / (len(values) - 1) for v, (_, values) in zip(variances, parts, strict=True)
    )
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, freedom)) * math.sqrt(variance)
    return Predicted(total, max(0.0, total - reach), total + reach, n)


def _scaled(predicted: Predicted, factor: float) -> Predicted:
    return Predicted(
        predicted.estimate * factor, predicted.low * factor, predicted.high * factor, predicted.n
    )


def _notes(known: pd.DataFrame, outstanding: int) -> tuple[str, ...]:
    if not outstanding:
        return ()
    ran = known[c.STARTED_AT].notna()
    notes = []
    if not ran.any():
        notes.append(
            "nothing was run yet: a few trials say more, such as "
            "exp.run(lab, budget=polpo.Budget(tasks=20))"
        )
    elif known.loc[ran, c.COST].isna().all():
        notes.append("no trial told its cost")
    return tuple(notes)
