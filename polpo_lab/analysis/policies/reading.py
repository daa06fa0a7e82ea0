"""From the frames to histories: verdicts of the outcome by round, then trials by condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.policies.histories import BY_ATTEMPT, Flags, Histories
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats.samples import Floats

TRUTH = "truth"  # of a round, by its outcome checks: 1, 0 or NaN


def truth_of_rounds(checks: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Return each round's verdict by the named outcome checks, Kleene's "all of them".

    Of several assessments of a round the latest that has such checks counts.

    Parameters
    ----------
    checks : pandas.DataFrame
        The frame ``checks``.
    names : tuple of str

    Returns
    -------
    pandas.DataFrame
        Columns ``task_id``, ``attempt``, ``round``, ``truth``.
    """
    keys = [c.TASK_ID, c.ATTEMPT, c.ROUND]
    of_outcome = checks[(checks[c.ROLE] == "outcome") & checks[c.NAME].isin(names)]
    told = of_outcome[[*keys, c.ASSESSMENT, c.PASSED_NUM]]
    latest = told[c.ASSESSMENT] == told.groupby(keys, observed=True)[c.ASSESSMENT].transform("max")
    told = told[latest].assign(unknown=lambda t: t[c.PASSED_NUM].isna())
    grouped = told.groupby(keys, observed=True, sort=False)
    least, unknown = grouped[c.PASSED_NUM].min(), grouped["unknown"].any()
    return least.where((least == 0) | ~unknown).rename(TRUTH).reset_index()


def histories_of(
    tasks: pd.DataFrame, attempts: pd.DataFrame, truth: pd.DataFrame, clusters: pd.Series
) -> Mapping[Condition, Histories]:
    """Return the histories of every condition, in the order conditions come up.

    Parameters
    ----------
    tasks, attempts : pandas.DataFrame
        The frames.
    truth : pandas.DataFrame
        What `truth_of_rounds` returns.
    clusters : pandas.Series
        The independent unit of each row of ``tasks``.
    """
    keys = [c.TASK_ID, c.ATTEMPT, c.ROUND]
    rounds = attempts.merge(truth, on=keys, how="left").sort_values(keys)
    place_of = {task_id: place for place, task_id in enumerate(tasks[c.TASK_ID])}
    rounds = rounds[rounds[c.TASK_ID].isin(place_of)]
    rounds = rounds.assign(place=rounds[c.TASK_ID].map(place_of).astype(int))
    # A run that crashed or ran out of time handed in nothing that could be right.
    cut_short = rounds[c.EXIT_REASON].isin(["crash", "timeout"])
    rounds[TRUTH] = rounds[TRUTH].where(~(cut_short & rounds[TRUTH].isna()), 0.0)
    arrays = _dense(rounds, len(tasks))
    labelled = tasks[c.TASK_ID].isin(set(truth[c.TASK_ID])).to_numpy()
    found: dict[Condition, Histories] = {}
    for condition, rows in _rows_of_conditions(tasks):
        own = {name: array[rows] for name, array in arrays.items()}
        width = max(1, int(own["ran"].sum(axis=1).max(initial=1)))
        own |= {name: own[name][:, :width] for name in BY_ATTEMPT}
        if not labelled[rows].any():
            own |= {name: np.full_like(own[name], np.nan) for name in ("right", "opening_right")}
        part = tasks.iloc[rows]
        final = part[c.PASSED_NUM].to_numpy(float)
        reasons = part[c.MISSING_REASON].astype(object).fillna("unknown").to_numpy(str)
        found[condition] = Histories(
            condition=condition,
            templates=part[c.TEMPLATE].astype(str).to_numpy(object),
            clusters=clusters.iloc[rows].to_numpy(object),
            repeats=part[c.REPEAT].to_numpy(float, na_value=1.0),
            versions=tuple(sorted(part[c.AGENT_VERSION].dropna().astype(str).unique())),
            labelled=bool(labelled[rows].any()),
            final=final,
            reasons=np.where(np.isnan(final), reasons, ""),
            judge_cost=part[c.JUDGE_COST].to_numpy(float),
            **own,
        )
    return found


def _rows_of_conditions(tasks: pd.DataFrame) -> Iterator[tuple[Condition, Any]]:
    axes = zip(*(tasks[name].astype(str) for name in Condition._fields), strict=True)
    rows: dict[Condition, list[int]] = {}
    for place, names in enumerate(axes):
        rows.setdefault(Condition(*names), []).append(place)
    yield from ((condition, np.array(places)) for condition, places in rows.items())


def _dense(rounds: pd.DataFrame, n_tasks: int) -> dict[str, Any]:
    """Return what happened as tables of tasks x attempts."""
    place = rounds["place"].to_numpy()
    attempt = rounds[c.ATTEMPT].to_numpy(int) - 1
    shape = (n_tasks, int(attempt.max(initial=0)) + 1)

    def last(column: str, among: Any = slice(None)) -> Floats:
        # Rounds are in order: a later one overwrites.
        table = np.full(shape, np.nan)
        table[place[among], attempt[among]] = rounds[column].to_numpy(float)[among]
        return table

    def total(column: str) -> Floats:
        table = np.zeros(shape)
        np.add.at(table, (place, attempt), rounds[column].to_numpy(float))
        return np.where(ran, table, np.nan)

    def any_of(flags: Flags) -> Flags:
        table = np.zeros(shape, bool)
        table[place[flags], attempt[flags]] = True
        return table

    ran = any_of(np.ones(len(rounds), bool))
    is_fix = (rounds[c.ROUND] > 0).to_numpy()
    return {
        "ran": ran,
        "accepted": last(c.PASSED_NUM),
        "right": last(TRUTH),
        "cost": total(c.COST),
        "seconds": total(c.SECONDS),
        "timed_out": any_of((rounds[c.EXIT_REASON] == "timeout").to_numpy()),
        "escalated": any_of((rounds[c.KIND] == "escalated").to_numpy()),
        "opening": last(c.PASSED_NUM, ~is_fix),
        "opening_right": last(TRUTH, ~is_fix),
        "fixed": any_of(is_fix),
    }
