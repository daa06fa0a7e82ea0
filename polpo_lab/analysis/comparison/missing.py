"""What is missing, why, and what it could have changed: n used of n planned, and the bounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.roles import codes_of
from polpo_lab.analysis.comparison.selection import Selection
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.stats.samples import MISSING_WORTH_BOUNDS, Floats

NO_REASON = "no reason given"


@dataclass(frozen=True)
class Bounds:
    """The difference a - b were the missing all failed under one and all passed under the other."""

    low: float
    high: float


def reasons_by_condition(selection: Selection, table: Table) -> list[dict[str, int]]:
    """Return, for each condition, how many trials have no value, by reason."""
    found: list[Counter[str]] = [Counter() for _ in table.conditions]
    missing = np.isnan(selection.values)
    if not missing.any():
        return [dict(each) for each in found]
    condition_of = table.cell_of[missing] // len(table.strata)
    if c.MISSING_REASON in selection.frame.columns:
        codes, labels = codes_of(selection.frame[c.MISSING_REASON][missing])
    else:
        codes, labels = np.full(int(missing.sum()), -1), []
    names = [*map(str, labels), NO_REASON]
    pairs, counts = np.unique(np.stack([condition_of, codes]), axis=1, return_counts=True)
    for (condition, code), count in zip(pairs.T, counts, strict=True):
        found[condition][names[code]] += int(count)
    return [dict(each.most_common()) for each in found]


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
