"""The conditions frame: what each agent, policy and set of criteria came to, counted.

Counts and means only. What a difference means, and how sure it is, is for statistics.
"""

from __future__ import annotations

import pandas as pd

from polpo_lab.analysis import columns as c

_AXES = [c.EXPERIMENT, c.AGENT, c.POLICY, c.CRITERIA]
# Column of the tasks frame -> what its mean, and the number it is of, are called.
_MEANS = {
    c.PASSED_NUM: (c.PASSED_SHARE, c.N_VERDICTS),
    "first_passed_num": (c.FIRST_PASSED_SHARE, c.N_FIRST_VERDICTS),
    c.SCORE: (c.SCORE, c.N_SCORES),
    c.ATTEMPTS: (c.ATTEMPTS, c.N_ATTEMPTS),
    c.COST: (c.COST, c.N_COSTS),
    c.WORKING_SECONDS: (c.WORKING_SECONDS, c.N_SECONDS),
}


def conditions_of(tasks: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each condition of an experiment.

    Parameters
    ----------
    tasks : pandas.DataFrame
        The tasks frame of a journal.

    Returns
    -------
    pandas.DataFrame
        With the columns of `columns.CONDITIONS`, in the plan's order. A mean is of what is
        known, the column beside says of how many.
    """
    table = tasks.assign(first_passed_num=tasks[c.FIRST_PASSED].astype("Float64").astype(c.NUMBER))
    grouped = table.groupby(_AXES, observed=True)
    found = grouped.size().rename(c.N_PLANNED).to_frame()
    for name, (mean, count) in _MEANS.items():
        found[mean] = grouped[name].mean()
        found[count] = grouped[name].count()
    without = table[table[c.PASSED].isna()]
    reasons = without[c.MISSING_REASON].astype(object)
    known = reasons.where(reasons.isin(c.MISSING_REASONS), "other")
    for reason in (*c.MISSING_REASONS, "other"):
        counted = without[known == reason].groupby(_AXES, observed=True).size()
        found[f"missing_{reason}"] = counted.reindex(found.index, fill_value=0)
    found = found.reset_index()
    return found.astype({n: d for n, d in c.CONDITIONS.items() if d == c.NUMBER})[
        list(c.CONDITIONS)
    ]
