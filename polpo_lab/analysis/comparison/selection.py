"""Which rows take part: those with the fixed values and, of a plan that was cut, whole blocks.

A budget stops the dear trials, and failures are dear: what a cut leaves over of a block is not
a random part of it. So an unfinished plan is analysed up to its last complete block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.metrics import Metric, metric_of
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.analysis.comparison.roles import Roles, at_mask, roles_of
from polpo_lab.stats.samples import Floats

# Planned trials that have not come to their end yet; any other reason is of an end.
UNFINISHED = frozenset({"not_run", "not_finished", "awaiting_approval"})


@dataclass(frozen=True)
class Progress:
    """How far the plan had come when it was looked at."""

    n_planned: int
    n_ended: int
    n_blocks: int
    n_complete: int
    n_set_aside: int

    @property
    def is_finished(self) -> bool:
        """Whether every planned trial was run."""
        return self.n_ended == self.n_planned

    def words(self) -> str:
        """Say what an unfinished plan means for the comparison."""
        state = f"the plan is not finished: {self.n_ended} of {self.n_planned} trials have ended"
        if self.n_blocks == 0:
            return f"{state}; those that are missing may not be like those that are there"
        if self.n_complete == 0:
            return (
                f"{state}, and no block is complete; what was finished first is no random part "
                "of a block"
            )
        return (
            f"{state}; this uses the {self.n_complete} complete of {self.n_blocks} blocks "
            f"({self.n_set_aside} finished trials of the others are set aside: what a cut leaves "
            "is no random part). blocks='all' uses them"
        )


@dataclass(frozen=True)
class Selection:
    """The rows that take part, with their metric.

    Attributes
    ----------
    frame : DataFrame
        Those rows, the columns that play a role only.
    values : ndarray
        The metric of each of them, NaN where missing.
    rows : ndarray
        Their positions in the frame that was given.
    """

    frame: pd.DataFrame
    values: Floats
    rows: np.ndarray[Any, Any]
    roles: Roles
    metric: Metric
    progress: Progress | None


# Besides the roles, what the cautions look at.
_FURTHER = (c.MISSING_REASON, c.ATTEMPTS, c.EXIT_REASON, c.PASSED_NUM)


def selection_of(frame: pd.DataFrame, request: Request) -> Selection:
    """Return the rows of a comparison."""
    mask = at_mask(frame, request.at)
    rows = np.arange(len(frame)) if mask is None else np.flatnonzero(mask)
    fixed = frame if mask is None else frame[mask]
    metric, values = metric_of(fixed, request.metric, request.within)
    roles = roles_of(fixed, request)
    family = () if roles.family is None else (roles.family,)
    block = () if roles.block is None else (roles.block,)
    further = (name for name in (request.cluster, *_FURTHER) if name in fixed.columns)
    part = fixed[list(dict.fromkeys([*roles.keys, *family, *block, *further]))]
    progress, kept = complete_blocks(part, roles.block, request.blocks)
    if kept is not None:
        part, values, rows = part[kept], values[kept], rows[kept]
    return Selection(part, values, rows, roles, metric, progress)


def complete_blocks(
    frame: pd.DataFrame, block_column: str | None, wanted: str = "complete"
) -> tuple[Progress | None, np.ndarray[Any, Any] | None]:
    """Return how far the plan has come, and which rows to keep; None: all of them."""
    if c.MISSING_REASON not in frame.columns:
        return None, None
    open_ = frame[c.MISSING_REASON].isin(UNFINISHED).to_numpy()
    if not open_.any():
        return Progress(len(frame), len(frame), 0, 0, 0), None
    n_ended = int((~open_).sum())
    if block_column is None:
        return Progress(len(frame), n_ended, 0, 0, 0), None
    block = frame[block_column]
    cut = block[open_].unique()
    complete = ~block.isin(cut).to_numpy()
    n_complete = int(block[complete].nunique())
    set_aside = int((~complete & ~open_).sum()) if n_complete else 0
    progress = Progress(len(frame), n_ended, int(block.nunique()), n_complete, set_aside)
    return progress, complete if wanted == "complete" and n_complete else None
