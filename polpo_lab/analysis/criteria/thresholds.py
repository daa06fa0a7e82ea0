"""From which score on a criterion passes: what each threshold costs, and the one recommended.

Rule: the threshold with the lowest mean cost of errors on the dev side; among equals the one
nearest to that in force, then the higher. Only scores that occurred are tried: between two of
them nothing changes.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds
from polpo_lab.analysis.criteria.labelled_rounds import LabelledRounds
from polpo_lab.assess.scoring import HIGHEST, LOWEST
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import bootstrap, mean, proportion
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats, chosen_seed

DRAWS = 2_000
RULE = (
    "the lowest mean cost of errors on the dev side; among equals the nearest to the threshold "
    "in force, then the higher"
)
EQUAL_COSTS: Mapping[str, float] = {"false_pass": 1.0, "false_fail": 1.0}


@dataclass(frozen=True)
class Costs:
    """What an error costs, in the same unit.

    Attributes
    ----------
    false_pass, false_fail : float
        Of passing what labels fail, and of failing what they pass.
    """

    false_pass: float
    false_fail: float

    @classmethod
    def of(cls, given: Mapping[str, float] | None) -> Costs:
        """Check what a user gave; by default both errors cost the same.

        Raises
        ------
        InvalidArgument
            A name is unknown or missing, a cost is below 0, or both are 0.
        """
        if given is None:
            return cls(**EQUAL_COSTS)
        known = list(EQUAL_COSTS)
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise InvalidArgument(f"cost: {name!r} is no error{hint} Known: {', '.join(known)}")
        absent = [name for name in known if name not in given]
        if absent:
            raise InvalidArgument(f"cost lacks {absent[0]!r}: give both, in the same unit")
        values = [given[name] for name in known]
        if not all(isinstance(v, (int, float)) and 0 <= v < np.inf for v in values) or not any(
            values
        ):
            raise InvalidArgument(f"cost={dict(given)!r}: both are 0 or more, and one is above 0")
        return cls(*map(float, values))

    def of_errors(self, passed: Any, truth: Any) -> Floats:
        """Return the cost of each verdict."""
        wrong_pass = (np.asarray(passed) == 1) & (np.asarray(truth) == 0)
        wrong_fail = (np.asarray(passed) == 0) & (np.asarray(truth) == 1)
        costs: Floats = self.false_pass * wrong_pass + self.false_fail * wrong_fail
        return costs


@dataclass(frozen=True)
class Labelled:
    """Scores and labels of one criterion on one side.

    Attributes
    ----------
    score, truth, chance : ndarray
        Of rounds that have both.
    templates : ndarray
        The independent unit of each.
    """

    score: Floats
    truth: Floats
    chance: Floats
    templates: Any

    @classmethod
    def of(cls, judged: JudgedRounds, labelled: LabelledRounds, name: str, side: Any) -> Labelled:
        """Return those of a side."""
        score, truth = judged.score(name), labelled.truth
        kept = side & ~np.isnan(score) & ~np.isnan(truth)
        return cls(score[kept], truth[kept], labelled.inclusion_prob[kept], judged.templates[kept])

    def __len__(self) -> int:
        return len(self.score)

    def cost(self, threshold: float, costs: Costs, seed: int | None) -> Estimate:
        """Estimate the mean cost of errors at a threshold."""
        each = costs.of_errors(self.score >= threshold, self.truth)
        most = max(costs.false_pass, costs.false_fail)
        if np.ptp(self.chance) == 0:
            return mean(each, self.templates, within=(0.0, most))
        rows = np.column_stack([each, 1 / self.chance])
        return bootstrap(rows, _weighted_mean, self.templates, DRAWS, "percentile", seed=seed)

    def rate(self, threshold: float, of: int) -> Estimate:
        """Estimate the share of false verdicts among rounds whose label is ``of``."""
        among = self.truth == of
        if not among.any():
            return proportion([np.nan])
        wrong = ((self.score >= threshold) != bool(of)).astype(float)
        weights = None if np.ptp(self.chance) == 0 else 1 / self.chance[among]
        return proportion(wrong[among], self.templates[among], weights=weights)


def _weighted_mean(rows: Floats) -> float:
    return float((rows[:, 0] * rows[:, 1]).sum() / rows[:, 1].sum())


@dataclass(frozen=True)
class Threshold:
    """The recommended threshold of one criterion.

    Attributes
    ----------
    criterion : str
    in_force : float
        The threshold the rounds were judged by.
    recommended : float
    cost, cost_in_force : Estimate
        Mean cost of errors on the dev side.
    chosen_share : float
        In how many resamplings of the dev side's templates the rule chooses it.
    n : int
        Labelled rounds on the dev side.
    """

    criterion: str
    in_force: float
    recommended: float
    cost: Estimate
    cost_in_force: Estimate
    chosen_share: float
    n: int


def has_threshold(judged: JudgedRounds, name: str) -> bool:
    """Whether a criterion is passed by its score."""
    return not np.isnan(judged.threshold(name))


def candidates(scores: Floats, in_force: float) -> Floats:
    """Return the thresholds that are tried: the scores that occurred, both ends, that in force."""
    known = scores[(scores >= LOWEST) & (scores <= HIGHEST)]
    return np.unique([float(LOWEST), *known, in_force, float(HIGHEST)])


def best(costs: Any, tried: Floats, in_force: float) -> int:
    """Return the place of the threshold that the rule chooses.

    Examples
    --------
    >>> import numpy as np
    >>> best(np.array([0.2, 0.1, 0.1, 0.3]), np.array([2.0, 3.0, 4.0, 5.0]), 4.0)
    2
    """
    order = sorted(
        range(len(tried)),
        key=lambda at: (round(float(costs[at]), 12), abs(tried[at] - in_force), -tried[at]),
    )
    return order[0]


def recommended(
    judged: JudgedRounds, labelled: LabelledRounds, name: str, dev: Any, costs: Costs,
    seed: int | None,
) -> tuple[Threshold | None, pd.DataFrame]:  # fmt: skip
    """Sweep the thresholds of a criterion on the dev side.

    Parameters
    ----------
    judged : JudgedRounds
    labelled : LabelledRounds
    name : str
    dev : ndarray of bool
    costs : Costs
    seed : int or None

    Returns
    -------
    tuple of Threshold or None, and pandas.DataFrame
        None where nothing on the dev side is labelled. A row of the frame for each threshold:
        ``cost``, ``false_pass_rate`` and ``false_fail_rate`` with intervals, ``n``.
    """
    seen = Labelled.of(judged, labelled, name, dev)
    in_force = judged.threshold(name)
    if not len(seen):
        return None, pd.DataFrame()
    tried = candidates(seen.score, in_force)
    seed = chosen_seed(seed, seen.score, seen.truth)
    results = [seen.cost(threshold, costs, seed) for threshold in tried]
    at = best([result.estimate for result in results], tried, in_force)
    rows = [
        _row(name, threshold, result, seen, is_chosen=place == at, in_force=in_force)
        for place, (threshold, result) in enumerate(zip(tried, results, strict=True))
    ]
    found = Threshold(
        criterion=name,
        in_force=in_force,
        recommended=float(tried[at]),
        cost=results[at],
        cost_in_force=results[int(np.flatnonzero(tried == in_force)[0])],
        chosen_share=_stability(seen, tried, in_force, costs, seed, at),
        n=len(seen),
    )
    return found, pd.DataFrame(rows)


def _row(
    name: str, threshold: float, cost: Estimate, seen: Labelled, *, is_chosen: bool, in_force: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"criterion": name, "threshold": threshold}
    rates = {"cost": cost, "false_pass_rate": seen.rate(threshold, 0),
             "false_fail_rate": seen.rate(threshold, 1)}  # fmt: skip
    for label, result in rates.items():
        low, high = result.confidence_interval()
        row |= {label: result.estimate, f"{label}_low": low, f"{label}_high": high}
    return {**row, "n": len(seen), "in_force": threshold == in_force, "recommended": is_chosen}


def _stability(
    seen: Labelled, tried: Floats, in_force: float, costs: Costs, seed: int, at: int
) -> float:
    """Return how often the rule chooses the same when templates are drawn anew."""
    names, codes = np.unique(seen.templates.astype(str), return_inverse=True)
    if len(names) < 2:
        return float("nan")
    weights = 1 / seen.chance
    table = np.zeros((len(names), len(tried)))
    for place, threshold in enumerate(tried):
        each = weights * costs.of_errors(seen.score >= threshold, seen.truth)
        table[:, place] = np.bincount(codes, each, minlength=len(names))
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    # The sum of weights is the same for every threshold: the lowest total has the lowest mean.
    totals = counts @ table
    return float(np.mean([best(row, tried, in_force) == at for row in totals]))
