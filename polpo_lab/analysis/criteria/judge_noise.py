"""How much a score hangs on who gives it: from several reviewers of the same round."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria.figures import missing
from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds
from polpo_lab.assess.scoring import HIGHEST, LOWEST, OUTLIER_DISTANCE, consensus
from polpo_lab.stats import consensus_noise, icc, mean, proportion
from polpo_lab.stats.result import Estimate, record

COLUMNS = ["criterion", "dimension", "figure", "reviewers", "estimate", "low", "high", "n",
           "n_clusters", "method", "notes"]  # fmt: skip
DRAWS = 1_000
MOST_VARIANCE = (HIGHEST - LOWEST) ** 2 / 2  # of two scores, one at either end


def judge_noise(
    judged: JudgedRounds, scores: pd.DataFrame, seed: int | None, level: float = 0.95
) -> pd.DataFrame:
    """Return how much reviewers differ, by criterion and dimension.

    Parameters
    ----------
    judged : JudgedRounds
    scores : pandas.DataFrame
        The frame of that name.
    seed : int or None
    level : float

    Returns
    -------
    pandas.DataFrame
        Rows for ``reviewer_variance`` (of one reviewer around the round's mean), ``reliability``
        (ICC(1,1): the share of the variance that belongs to the rounds), ``disagreement``
        (share of rounds whose reviewers are more than 1.5 apart) and ``consensus_noise`` by the
        number of reviewers: how much the consensus varies with who they are, by the real rule.
    """
    rows: list[dict[str, Any]] = []
    for (name, dimension), given in _reviewed(judged, scores):
        table, templates = _table(given)
        if table.shape[1] < 2:
            continue
        for figure, reviewers, result in _noise(table, templates, seed):
            told = record(result, level)
            told |= {"criterion": name, "dimension": dimension, "figure": figure,
                     "reviewers": reviewers}  # fmt: skip
            rows.append({column: told[column] for column in COLUMNS})
    return pd.DataFrame(rows, columns=COLUMNS)


def _reviewed(judged: JudgedRounds, scores: pd.DataFrame) -> Any:
    key = [c.TASK_ID, c.ATTEMPT, c.ROUND]
    given = scores[scores[c.SCORE].notna() & scores[c.REVIEWER].notna()]
    newest = given.groupby(key, observed=True)[c.ASSESSMENT].transform("max")
    given = given[given[c.ASSESSMENT] == newest]
    names = [c.NAME, c.DIMENSION, c.REVIEWER]
    plain = given[[*key, *names, c.SCORE]].astype(dict.fromkeys(names, object))
    items = judged.items[[*key, c.TEMPLATE]]
    return plain.merge(items, on=key, how="inner").groupby([c.NAME, c.DIMENSION], sort=False)


def _table(given: pd.DataFrame) -> tuple[Any, Any]:
    """Return scores as rounds x reviewers, and each round's template."""
    key = [c.TEMPLATE, c.TASK_ID, c.ATTEMPT, c.ROUND]
    table = given.pivot_table(index=key, columns=c.REVIEWER, values=c.SCORE)
    return table.to_numpy(float), table.index.get_level_values(0).to_numpy(object)


def _noise(table: Any, templates: Any, seed: int | None) -> Any:
    rated = (~np.isnan(table)).sum(axis=1)
    kept, where = table[rated >= 2], templates[rated >= 2]
    if not len(kept):
        return
    most = int(rated.max())
    variance = np.nanvar(kept, axis=1, ddof=1)
    yield (
        "reviewer_variance",
        1,
        replace(
            mean(variance, where, within=(0.0, MOST_VARIANCE)),
            estimand="the variance of one reviewer around a round's mean",
        ),
    )
    complete = ~np.isnan(kept).any(axis=1)
    enough = int(complete.sum()) >= 2
    reliability = (
        icc(kept, "1,1", where, draws=DRAWS, seed=seed)
        if enough
        else missing("fewer than two rounds have every reviewer")
    )
    yield "reliability", 1, reliability
    apart = (np.nanmax(kept, axis=1) - np.nanmin(kept, axis=1) > OUTLIER_DISTANCE).astype(float)
    yield "disagreement", most, proportion(apart, where)
    for count in range(1, most):
        yield "consensus_noise", count, _consensus_noise(kept, count, where, seed)


def _consensus_noise(table: Any, count: int, templates: Any, seed: int | None) -> Estimate:
    return consensus_noise(
        table, lambda scores: float(consensus(scores).score), count, templates, seed=seed
    )


def reviewer_sd(noise: pd.DataFrame, criterion: str) -> float:
    """Return the standard deviation of one reviewer, by its first dimension; NaN: unknown."""
    rows = noise[(noise["criterion"] == criterion) & (noise["figure"] == "reviewer_variance")]
    return float(np.sqrt(rows["estimate"].iloc[0])) if len(rows) else nan
