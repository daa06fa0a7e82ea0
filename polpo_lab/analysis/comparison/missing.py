"""What is missing, why, and what it could have changed: n used of n planned, and the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.selection import Selection
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.stats.samples import MISSING_WORTH_BOUNDS, Floats

NO_REASON = "no reason given"


@dataclass(frozen=True)
class Bounds:
    """The difference a - b were the missing all failed under one and all passed under the other."""

    low: float
    high: float


def reasons_of(selection: Selection) -> pd.Series[Any]:
    """Return why each row without a value has none.

    That is the reason its verdict is missing; a trial with a verdict ended in some way, such as
    a crash, that left nothing to score. (Its `missing_reason` may be about its cost.)
    """
    frame = selection.frame[np.isnan(selection.values)]
    reasons = pd.Series(NO_REASON, index=frame.index, dtype=object)
    if c.MISSING_REASON not in frame.columns:
        return reasons
    why = frame[c.MISSING_REASON].astype(object)
    if c.PASSED_NUM in frame.columns and c.COST not in selection.metric.column:
        ended = frame.get(c.EXIT_REASON, reasons).astype(object)
        why = why.where(frame[c.PASSED_NUM].isna(), ended)
    return why.where(why.notna(), NO_REASON)


def reasons_by_condition(selection: Selection, table: Table) -> list[dict[str, int]]:
    """Return, for each condition, how many trials have no value, by reason."""
    found: list[dict[str, int]] = [{} for _ in table.conditions]
    missing = np.isnan(selection.values)
    if not missing.any():
        return found
    condition_of = table.cell_of[missing] // len(table.strata)
    reasons = reasons_of(selection)
    for at in np.unique(condition_of):
        counts = reasons[condition_of == at].value_counts()
        found[at] = {str(reason): int(count) for reason, count in counts.items()}
    return found


def share_missing(table: Table) -> Floats:
    """Return the share of each condition's planned trials that have no value."""
    planned, used = (x.sum(axis=(0, 2)) for x in (table.n_planned, table.n_used))
    share: Floats = 1 - used / planned
    return share


def bounds_between(table: Table, a: int, b: int, estimate: float) -> Bounds | None:
    """Return the bounds of a difference of shares, where they are worth showing.

    That is where more than 2% are missing, or where the sign could turn.
    """
    shares = share_missing(table)[[a, b]]
    if not shares.any():
        return None
    low_a, high_a = (table.filled(value)[:, a] for value in (0.0, 1.0))
    low_b, high_b = (table.filled(value)[:, b] for value in (0.0, 1.0))
    planned = ~np.isnan(low_a) & ~np.isnan(low_b)
    if not planned.any():
        return None
    low = float((low_a - high_b)[planned].mean())
    high = float((high_a - low_b)[planned].mean())
    turns = low < 0 < high and estimate != 0
    return Bounds(low, high) if shares.max() > MISSING_WORTH_BOUNDS or turns else None
