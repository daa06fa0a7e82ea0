"""Whether what a trial handed in is truly right: the checks of role ``outcome``, its last round.

They were run on every kept round, shown to no agent, and triggered nothing, so that retries
have not worn them out as they wear out the checks that decide.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.errors import InvalidArgument

# A run that ended so handed in nothing that could be right, and was not assessed.
_FAILED_RUN = ("crash", "timeout")


def outcomes(tasks: pd.DataFrame, checks: pd.DataFrame) -> pd.Series[float]:
    """Return each trial's outcome: 1 right, 0 wrong, NaN unknown.

    Parameters
    ----------
    tasks, checks : DataFrame
        The frames of those names, of the same trials.

    Returns
    -------
    Series of float64
        By the rows of ``tasks``. Of the last round that has required checks of role ``outcome``,
        by Kleene's logic: any that failed makes it wrong, else any that could not be judged
        unknown. A trial that ended in a crash or timeout is wrong. One without a verdict is
        unknown.

    Raises
    ------
    InvalidArgument
        No check has the role ``outcome``.
    """
    told = checks[(checks[c.ROLE] == "outcome") & checks[c.REQUIRED]]
    if told.empty:
        raise InvalidArgument(
            "no required check has the role 'outcome': the templates need an expectation with "
            "role='outcome' that measures without deciding; metric='passed' is what their gates say"
        )
    order = [c.ATTEMPT, c.ROUND, c.ASSESSMENT]
    for column in order:  # the last attempt, its last round, its latest assessment
        told = told[told[column] == told.groupby(c.TASK_ID, observed=True)[column].transform("max")]
    told = told.assign(unknown=told[c.PASSED_NUM].isna())
    by_task = told.groupby(c.TASK_ID, observed=True)
    least, unknown = by_task[c.PASSED_NUM].min(), by_task["unknown"].any()
    verdict = least.where((least == 0) | ~unknown)
    found = tasks[c.TASK_ID].map(verdict).astype("float64")
    has_verdict = tasks[c.PASSED_NUM].notna()
    ran_badly = tasks[c.EXIT_REASON].isin(_FAILED_RUN) & has_verdict
    right = np.where(ran_badly, 0.0, found.where(has_verdict))
    return pd.Series(right, index=tasks.index, name="outcome", dtype="float64")
