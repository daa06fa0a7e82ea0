"""Figures of single criteria: how often they pass, what they tell apart, what hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds
from polpo_lab.assess.scoring import HIGHEST, LOWEST
from polpo_lab.stats import correlation, mean, proportion
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats

# Enough for the ends of a 95% interval; ten thousand for each of many figures take minutes.
DRAWS = 1_000
DECIDES_NOTHING = "it decides nothing: its role is 'outcome', or it is not required"


@dataclass(frozen=True)
class CriterionFigure:
    """One figure of one criterion.

    Attributes
    ----------
    criterion : str
    name : {"pass_rate", "mean_score", "discrimination", "discrimination_labels", "decisiveness"}
    result : Estimate
    """

    criterion: str
    name: str
    result: Estimate


def figures_of(
    judged: JudgedRounds, truth: Floats | None, seed: int | None
) -> Iterator[CriterionFigure]:
    """Yield the figures of every criterion.

    Parameters
    ----------
    judged : JudgedRounds
    truth : ndarray or None
        What labels say of each round, NaN where there is none; None: there are no labels.
    seed : int or None
        Of the bootstrap of correlations; derived from the data by default.

    Yields
    ------
    CriterionFigure
    """
    for name in judged.names:
        found = {
            "pass_rate": _pass_rate(judged, name),
            "mean_score": _mean_score(judged, name),
            "discrimination": _discrimination(judged, name, seed),
            "decisiveness": _decisiveness(judged, name),
        }
        if truth is not None:
            found["discrimination_labels"] = replace(
                _correlated(judged.score(name), truth, judged.templates, seed),
                estimand="the correlation of the criterion's score with the labels' verdict",
            )
        for figure, result in found.items():
            yield CriterionFigure(name, figure, result)


def _pass_rate(judged: JudgedRounds, name: str) -> Estimate:
    rate = proportion(judged.verdict(name), judged.clusters)
    return replace(rate, estimand="the share of rounds that the criterion passes")


def _mean_score(judged: JudgedRounds, name: str) -> Estimate:
    score = judged.score(name)
    if np.isnan(score).all():
        return missing("the criterion gave no score", len(score))
    return mean(score, judged.clusters, within=(float(LOWEST), float(HIGHEST)))


def _discrimination(judged: JudgedRounds, name: str, seed: int | None) -> Estimate:
    others = judged.verdicts.drop(columns=name)
    if others.shape[1] == 0:
        return missing("there is no other criterion", len(judged.items))
    rest = others.mean(axis=1).to_numpy(float)
    return replace(
        _correlated(judged.score(name), rest, judged.clusters, seed),
        estimand="the correlation of the criterion's score with the share of the others that pass",
    )


def _correlated(a: Floats, b: Floats, clusters: ArrayLike, seed: int | None) -> Estimate:
    return correlation(a, b, "pearson", clusters, draws=DRAWS, seed=seed)


def _decisiveness(judged: JudgedRounds, name: str) -> Estimate:
    """Estimate how often the verdict would be another one without this criterion."""
    gates = [gate for gate in judged.names if judged.is_gate[gate]]
    if name not in gates:
        return missing(DECIDES_NOTHING, len(judged.items))
    others = judged.verdicts[[gate for gate in gates if gate != name]]
    own = judged.verdict(name)
    # A template that does not ask for a check has nothing there, and it fails nobody.
    alone = (others != 0).all(axis=1).to_numpy()
    decided = np.where(np.isnan(own), nan, ((own == 0) & alone).astype(float))
    return replace(
        proportion(decided, judged.clusters),
        estimand="the share of rounds that fail by this criterion and by no other",
    )


def redundancy_of(judged: JudgedRounds, seed: int | None) -> pd.DataFrame:
    """Return, for each pair of criteria, how far one repeats the other.

    Parameters
    ----------
    judged : JudgedRounds
    seed : int or None

    Returns
    -------
    pandas.DataFrame
        ``criterion``, ``other``, ``phi`` (correlation of the two verdicts) with ``low`` and
        ``high``, ``agreement`` (share of rounds on which they say the same), ``n``, ``notes``.
    """
    columns = ["criterion", "other", "phi", "low", "high", "agreement", "n", "notes"]
    rows = []
    for one, other in combinations(judged.names, 2):
        a, b = judged.verdict(one), judged.verdict(other)
        phi = _correlated(a, b, judged.clusters, seed)
        both = ~np.isnan(a) & ~np.isnan(b)
        same = float((a[both] == b[both]).mean()) if both.any() else nan
        low, high = phi.confidence_interval()
        told = (one, other, phi.estimate, low, high, same, int(both.sum()), "; ".join(phi.notes))
        rows.append(dict(zip(columns, told, strict=True)))
    return pd.DataFrame(rows, columns=columns)


def redundancy_matrix(pairs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the correlations as a square table; NaN where a verdict does not vary."""
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for one, other, phi in zip(pairs["criterion"], pairs["other"], pairs["phi"], strict=True):
        matrix.loc[one, other] = matrix.loc[other, one] = phi
    return matrix


def missing(why: str, n: int = 0) -> Estimate:
    """Return a figure that cannot be had, saying why."""
    return Estimate(
        estimate=nan,
        standard_error=nan,
        n=0,
        n_clusters=0,
        method="none",
        estimand="not defined here",
        notes=(f"{why} ({n} rounds)" if n else why,),
    )


def kind_of(judged: JudgedRounds, name: str) -> str:
    """Return in words what a criterion is: its type, and its role where it decides nothing."""
    about = judged.about.loc[name]
    told = str(about[c.TYPE])
    return told if judged.is_gate[name] else f"{told}, {about[c.ROLE]}"
