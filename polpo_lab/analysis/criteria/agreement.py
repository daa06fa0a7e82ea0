"""A criterion against labels: rates, agreement beyond chance and correlations, with the ceiling.

The ceiling is how well people agree among themselves on the same rounds: a judge that agrees
with each labeller as well as the others do is as good as one more of them. Clustered by template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis.criteria.figures import DRAWS, missing
from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds
from polpo_lab.analysis.criteria.labelled_rounds import LabelledRounds
from polpo_lab.assess.scoring import HIGHEST, LOWEST, round_half_up
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import (
    Confusion,
    cohen_kappa,
    confusion,
    correlation,
    icc,
    krippendorff_alpha,
)
from polpo_lab.stats.result import Estimate, record
from polpo_lab.stats.samples import Floats

CONSENSUS = "labels"
OTHERS = "the other labellers"
SCORES = [float(score) for score in range(LOWEST, HIGHEST + 1)]
COLUMNS = ["criterion", "against", "figure", "estimate", "low", "high", "n", "n_clusters",
           "ceiling", "ceiling_low", "ceiling_high", "ceiling_n", "method", "notes"]  # fmt: skip
UNWEIGHTED = "not weighted by the chances of the sample"

Opinion = tuple[Floats, Floats]  # verdict and score of each round, NaN where there is none
Some = np.ndarray[Any, np.dtype[np.bool_]]


def confusion_of(
    judged: JudgedRounds, labelled: LabelledRounds, name: str, among: Some
) -> Confusion:
    """Return a criterion's verdicts against the labels', with rates.

    Parameters
    ----------
    judged : JudgedRounds
    labelled : LabelledRounds
    name : str
        The criterion.
    among : ndarray of bool
        Rounds that are looked at.
    """
    chance = labelled.inclusion_prob[among] if labelled.weighs else None
    return confusion(
        judged.verdict(name)[among],
        labelled.truth[among],
        judged.templates[among],
        inclusion_prob=chance,
    )


def agreement_frame(
    judged: JudgedRounds,
    labelled: LabelledRounds,
    names: list[str],
    among: Some,
    seed: int | None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return every figure of agreement of some criteria, beside the ceiling.

    Parameters
    ----------
    judged : JudgedRounds
    labelled : LabelledRounds
    names : list of str
    among : ndarray of bool
        Rounds that are looked at.
    seed : int or None
    level : float

    Returns
    -------
    pandas.DataFrame
        By criterion, ``against`` (the labels' consensus, then each labeller) and ``figure``.
        ``ceiling`` is that labeller against the others on the same rounds, where there are two.
    """
    rows: list[dict[str, Any]] = []
    people = labelled.by_person
    ceilings = {
        who: agreement_of(people[who], _others(people, who), judged, labelled, among, seed)
        for who in people
        if len(people) > 1
    }
    for name in names:
        judge = judged.verdict(name), judged.score(name)
        against = {CONSENSUS: (labelled.truth, labelled.score)}
        against |= people if len(people) > 1 else {}
        for who, opinion in against.items():
            # Beside its ceiling a labeller is looked at on the rounds the others saw as well.
            same = among if who not in ceilings else among & _both(opinion, _others(people, who))
            figures = agreement_of(judge, opinion, judged, labelled, same, seed)
            top = ceilings.get(who, {})
            rows += [
                _row(name, who, figure, result, top.get(figure), level)
                for figure, result in figures.items()
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    name: str, who: str, figure: str, result: Estimate, top: Estimate | None, level: float
) -> dict[str, Any]:
    told = record(result, level)
    low, high = (nan, nan) if top is None else top.confidence_interval(level)
    told |= {
        "criterion": name,
        "against": who,
        "figure": figure,
        "ceiling": nan if top is None else top.estimate,
        "ceiling_low": low,
        "ceiling_high": high,
        "ceiling_n": 0 if top is None else top.n,
    }
    return {column: told[column] for column in COLUMNS}


def agreement_of(
    one: Opinion,
    other: Opinion,
    judged: JudgedRounds,
    labelled: LabelledRounds,
    among: Some,
    seed: int | None,
) -> Mapping[str, Estimate]:
    """Return the figures of agreement of two opinions on the same rounds.

    Parameters
    ----------
    one, other : tuple of ndarray
        Verdicts and scores; ``other`` counts as what is right.
    judged : JudgedRounds
    labelled : LabelledRounds
    among : ndarray of bool
    seed : int or None
    """
    among = among & _both(one, other)
    if not among.any():
        return {"agreement": missing("no round has both verdicts")}
    templates = judged.templates[among]
    chance = labelled.inclusion_prob[among] if labelled.weighs else None
    verdicts = one[0][among], other[0][among]
    seen = confusion(*verdicts, templates, inclusion_prob=chance)
    kappa = cohen_kappa(*verdicts, None, templates, inclusion_prob=chance, draws=DRAWS, seed=seed)
    found = {**seen.rates, "kappa": kappa}
    first, second = (_whole(each[1][among]) for each in (one, other))
    if (~np.isnan(first) & ~np.isnan(second)).sum() >= 2:
        options: dict[str, Any] = {"inclusion_prob": chance, "draws": DRAWS, "seed": seed}
        found["quadratic kappa"] = cohen_kappa(
            first, second, "quadratic", templates, categories=SCORES, **options
        )
    for figure, result in _unweighted(one, other, among, templates, seed):
        noted = replace(result, notes=(*result.notes, UNWEIGHTED))
        found[figure] = result if chance is None else noted
    return found


def _unweighted(
    one: Opinion, other: Opinion, among: Some, templates: Any, seed: int | None
) -> Iterator[tuple[str, Estimate]]:
    options: dict[str, Any] = {"draws": DRAWS, "seed": seed}
    verdicts = [one[0][among], other[0][among]]
    yield "alpha (nominal)", krippendorff_alpha(verdicts, "nominal", templates, **options)
    scores = [one[1][among], other[1][among]]
    both = ~np.isnan(scores[0]) & ~np.isnan(scores[1])
    if both.sum() >= 2:
        ratings = np.column_stack(scores)[both]
        whole = templates[both]
        yield "alpha (ordinal)", krippendorff_alpha(ratings.T, "ordinal", whole, **options)
        yield "ICC(2,1)", icc(ratings, "2,1", whole, **options)
    # Against labels of pass and fail a score is correlated with the verdict.
    first = scores[0] if not np.isnan(scores[0]).all() else verdicts[0]
    second = scores[1] if not np.isnan(scores[1]).all() else verdicts[1]
    for method in ("spearman", "pearson", "kendall"):
        yield method, correlation(first, second, method, templates, **options)


def _whole(scores: Floats) -> Floats:
    """Round half up, as a consensus is: kappa counts categories."""
    return np.array([nan if np.isnan(x) else float(round_half_up(x)) for x in scores])


def _both(one: Opinion, other: Opinion) -> Some:
    both: Some = ~np.isnan(one[0]) & ~np.isnan(other[0])
    return both


def _others(people: Mapping[str, Opinion], who: str) -> Opinion:
    """Return what the other labellers come to: the majority's verdict, the median score."""
    others = [opinion for name, opinion in people.items() if name != who]
    verdicts = np.array([verdict for verdict, _ in others])
    scores = np.array([score for _, score in others])
    with np.errstate(invalid="ignore"):
        there = (~np.isnan(verdicts)).sum(axis=0)
        share = np.where(there > 0, np.nansum(verdicts, axis=0) / np.maximum(there, 1), nan)
    verdict = np.where(share == 0.5, nan, np.where(np.isnan(share), nan, (share > 0.5) * 1.0))
    return verdict, np.array([_median(column) for column in scores.T])


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else nan


def checked_criteria(judged: JudgedRounds, labelled: LabelledRounds, name: str | None) -> list[str]:
    """Return the criteria that are asked about: one, or all but the one that is the labels."""
    known = [each for each in judged.names if each != labelled.check]
    if name is None:
        return known
    if name not in known:
        raise InvalidArgument(f"criterion={name!r} is not one of {', '.join(map(repr, known))}")
    return [name]
