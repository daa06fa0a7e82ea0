"""The rounds that criteria are looked at on: one row a round, one column a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.labelling.sampling import ITEM
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Floats, one_of

Rounds = Literal["last", "first", "all"]
ROUNDS: tuple[Rounds, ...] = ("last", "first", "all")
Cluster = Literal["auto", "family", "template"]
AXES = [c.TEMPLATE, c.FAMILY, c.AGENT, c.POLICY, c.CRITERIA, c.REPEAT]
PASSED = "gates_passed"
_ABOUT = [c.TYPE, c.ROLE, c.REQUIRED, c.THRESHOLD, c.WEIGHT]


@dataclass(frozen=True)
class JudgedRounds:
    """Rounds with what every check said of them.

    Attributes
    ----------
    items : pandas.DataFrame
        One row a round: its trial, task, attempt, round, who ran it, and ``gates_passed``.
    verdicts, scores : pandas.DataFrame
        Rows as ``items``, one column a check by its name; NaN where it said nothing.
    about : pandas.DataFrame
        By check: type, role, whether it is required, threshold and weight.
    clusters : ndarray
        Each round's independent unit.
    unit : str
        What those are: ``family`` or ``template``.
    mixed : tuple of str
        Checks whose threshold differs between templates.
    """

    items: pd.DataFrame
    verdicts: pd.DataFrame
    scores: pd.DataFrame
    about: pd.DataFrame
    clusters: np.ndarray[Any, np.dtype[np.object_]]
    unit: str
    mixed: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The checks, in the order they stand in assessments."""
        return [str(name) for name in self.verdicts.columns]

    @property
    def templates(self) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Each round's template."""
        return self.items[c.TEMPLATE].to_numpy(object)

    @property
    def is_gate(self) -> pd.Series[bool]:
        """By check: whether it decides."""
        gates: pd.Series[bool] = (self.about[c.ROLE] == "gate") & self.about[c.REQUIRED]
        return gates

    def threshold(self, name: str) -> float:
        """Return the score from which a check passes; NaN where it is not passed by a score."""
        return float(self.about[c.THRESHOLD].astype("float64")[name])

    def verdict(self, name: str) -> Floats:
        """Return a check's verdicts, 1, 0 or NaN."""
        return self.verdicts[name].to_numpy(float)

    def score(self, name: str) -> Floats:
        """Return a check's scores, 1 to 5 or NaN."""
        return self.scores[name].to_numpy(float)


def judged_rounds(
    attempts: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    rounds: str = "last",
    cluster: str = "auto",
    families: str = "random",
) -> JudgedRounds:
    """Lay out the rounds of one set of criteria.

    Parameters
    ----------
    attempts, checks : pandas.DataFrame
        The frames of those names.
    rounds : {"last", "first", "all"}
        What was handed in at the end, at the first try, or every kept round.
    cluster : {"auto", "family", "template"}
        The independent unit; auto: the family where families are random, else the template.
    families : {"random", "fixed"}
        As the suite declares them.

    Raises
    ------
    InvalidArgument
        An argument is unknown, or no round was judged.
    """
    one_of(rounds, ROUNDS, "rounds")
    one_of(cluster, ("auto", "family", "template"), "cluster")
    latest = _latest(checks)
    key = [c.TASK_ID, c.ATTEMPT, c.ROUND]
    judged = latest[key].drop_duplicates()
    items = attempts.merge(judged, on=key, how="inner")
    by_task = items.groupby(c.TASK_ID, observed=True, sort=False)
    if rounds != "all":
        items = by_task.tail(1) if rounds == "last" else by_task.head(1)
        if rounds == "first":  # a first try that crashed has no assessment: no later one for it
            items = items[(items[c.ATTEMPT] == 1) & (items[c.ROUND] == 0)]
    if items.empty and attempts.empty and len(checks):
        raise InvalidArgument(
            "the server told no rounds, only how tasks ended, and criteria are looked at round by "
            "round; exp.frame('checks') has what its checks said at the end"
        )
    if items.empty:
        raise InvalidArgument("no round was judged by any check: there are no criteria to look at")
    items = _plain(items)
    index = pd.MultiIndex.from_frame(items[key])
    names = list(dict.fromkeys(latest.sort_values(c.CHECK, kind="stable")[c.NAME].astype(str)))
    tables = [
        latest.assign(name=latest[c.NAME].astype(str))
        .pivot_table(index=key, columns=c.NAME, values=value, aggfunc="min", observed=True)
        .reindex(index=index, columns=names)
        for value in (c.PASSED_NUM, c.SCORE)
    ]
    about = latest.assign(name=latest[c.NAME].astype(str)).groupby(c.NAME, observed=True)[_ABOUT]
    unit = _unit(items, cluster, families)
    return JudgedRounds(
        items=items,
        verdicts=tables[0].reset_index(drop=True),
        scores=tables[1].reset_index(drop=True),
        about=about.first().reindex(names),
        clusters=_clusters(items, unit),
        unit=unit,
        mixed=_mixed(latest),
    )


def _latest(checks: pd.DataFrame) -> pd.DataFrame:
    """Return the checks of the latest assessment of each round; those without a name left out."""
    key = [c.TASK_ID, c.ATTEMPT, c.ROUND]
    named = checks[checks[c.NAME].notna()]
    newest = named.groupby(key, observed=True)[c.ASSESSMENT].transform("max")
    return named[named[c.ASSESSMENT] == newest]


def _mixed(checks: pd.DataFrame) -> tuple[str, ...]:
    thresholds = checks.groupby(c.NAME, observed=True)[c.THRESHOLD].nunique()
    return tuple(str(name) for name, several in (thresholds > 1).items() if several)


def _plain(items: pd.DataFrame) -> pd.DataFrame:
    kept = items[[*ITEM, *AXES, c.PASSED_NUM]].rename(columns={c.PASSED_NUM: PASSED})
    texts = dict.fromkeys([c.TEMPLATE, c.FAMILY, c.AGENT, c.POLICY, c.CRITERIA], object)
    return kept.astype({**texts, c.ATTEMPT: int, c.ROUND: int}).reset_index(drop=True)


def _unit(items: pd.DataFrame, cluster: str, families: str) -> str:
    if cluster != "auto":
        return cluster
    return "family" if families == "random" and items[c.FAMILY].notna().any() else "template"


def _clusters(items: pd.DataFrame, unit: str) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return each round's unit; a template without a family is one of its own."""
    templates = items[c.TEMPLATE]
    if unit == "template":
        return templates.to_numpy(object)
    own = "template " + templates.astype(str)
    return items[c.FAMILY].where(items[c.FAMILY].notna(), own).to_numpy(object)
