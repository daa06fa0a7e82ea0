"""The figures of a replayed policy: estimates, bounds, and where a real run would come to lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf, nan, sqrt
from typing import Any

import numpy as np

from polpo_lab.analysis.policies.figures import (
    ESTIMANDS,
    NO_COST,
    NO_TIME,
    NOT_LABELLED,
    RATES,
    WITHOUT_OUTCOME,
    Figure,
    figures_of,
    within,
)
from polpo_lab.analysis.policies.histories import Histories
from polpo_lab.analysis.policies.sources import Expectations, Kind
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats import mean, ratio
from polpo_lab.stats.intervals import t_quantile
from polpo_lab.stats.result import Estimate, Interval, no_interval
from polpo_lab.stats.samples import Floats

METHODS: dict[Kind, str] = {
    "exact": "exact: trials of a longer policy, cut where this one would have stopped",
    "exchangeable": "exchangeable: averages over all orders of first attempts of the repeats",
    "assumed": "assumed: first tries of the fallback stand for its escalated ones",
}
# Means of one value a trial: what a run of the same size would give can be predicted.
PREDICTED = frozenset(
    {"solved", "accepted", "outcome", "first_solved", "first_accepted", "first_outcome", "tries",
     "cost", "seconds"}
)  # fmt: skip
FEWEST_CLUSTERS = 2
NO_BOUNDS = Interval(nan, nan)


@dataclass(frozen=True)
class Replayed:
    """One figure of a replayed policy.

    Attributes
    ----------
    figure : Figure
        ``figure.result`` estimates the expectation, with its confidence interval.
    kind : {"exact", "exchangeable", "assumed"}
    bounds : Interval
        Where the figure lies whatever the fallback does; NaN where nothing is assumed.
    predicted_at : callable
        Interval, at a level, for a run that is really made: see `Replay`.
    """

    figure: Figure
    kind: Kind
    bounds: Interval = NO_BOUNDS
    predicted_at: Callable[[float], Interval] = no_interval

    def row(self, level: float) -> dict[str, Any]:
        """Return it as a row of the frame."""
        figure = self.figure.row(level)
        predicted = self.predicted_at(level)
        ahead = {name: figure.pop(name) for name in ("agent", "policy", "criteria")}
        return {
            **ahead,
            "kind": self.kind,
            **figure,
            "predicted_low": predicted.low,
            "predicted_high": predicted.high,
            "bound_low": self.bounds.low,
            "bound_high": self.bounds.high,
        }


def figures_of_exact(own: Histories) -> Iterator[Replayed]:
    """Yield the figures of trials that were cut where the policy would have stopped."""
    for figure in figures_of(own):
        predicted = no_interval
        if figure.attempt is None and figure.name in PREDICTED and figure.result.n:
            # The error between templates holds the chance of as many repeats already.
            predicted = partial(prediction, figure.name, figure.result, 0.0)
        yield Replayed(figure, "exact", predicted_at=predicted)


def figures_of_expectations(
    found: Expectations, condition: Condition, kind: Kind
) -> Iterator[Replayed]:
    """Yield the figures of what each template is expected to give."""
    expected = found.expected
    labelled = not np.isnan(expected.solved).all()
    n_templates = len(found.templates)
    figures: dict[str, tuple[Floats, Floats]] = {
        "solved": (expected.solved, expected.solved * (1 - expected.solved)),
        "accepted": (expected.accepted, expected.accepted * (1 - expected.accepted)),
        **{name: (a.mean, a.variance) for name, a in expected.amounts.items()},
    }
    for name, (values, variance) in figures.items():
        result = expectation(name, values, found.clusters, found.notes)
        chance = float(np.nanmean(variance)) / n_templates if result.n else nan
        yield Replayed(
            _figure(condition, name, result, found, kind),
            kind,
            bounds=_bounds(name, found),
            predicted_at=partial(prediction, name, result, chance),
        )
    quality = expected.solved if labelled else expected.accepted
    result = _per_solved(expected.amounts["cost"].mean, quality, found.clusters, labelled)
    yield Replayed(_figure(condition, "cost_per_solved", result, found, kind), kind)


def _figure(
    condition: Condition, name: str, result: Estimate, found: Expectations, kind: Kind
) -> Figure:
    lost = len(found.templates) - result.n
    why = NO_COST if "cost" in name else NO_TIME if name == "seconds" else NOT_LABELLED
    missing = f"{lost} x {why}" if lost else ""
    named = replace(result, method=f"{METHODS[kind]}; {result.method}")
    return Figure(condition, name, None, named, len(found.templates), missing)


def expectation(name: str, values: Floats, clusters: Any, notes: tuple[str, ...] = ()) -> Estimate:
    """Return the mean over templates of what each is expected to give, with its interval.

    Of shares the clustered score interval that keeps to 0 and 1, as of pass@k; else clustered t.
    """
    if np.isnan(values).all():
        return Estimate(
            nan, nan, 0, "none: every value is missing", ESTIMANDS[name], 0, notes=notes
        )
    if name in RATES:
        result = mean(values, clusters, within=(0.0, 1.0))
    else:
        result = within(mean(values, clusters), 0.0, inf)
    return replace(result, estimand=ESTIMANDS[name], notes=(*notes, *result.notes))


def _per_solved(cost: Floats, quality: Floats, clusters: Any, labelled: bool) -> Estimate:
    words = (ESTIMANDS if labelled else WITHOUT_OUTCOME)["cost_per_solved"]
    if not (~np.isnan(cost) & ~np.isnan(quality)).any():
        return Estimate(nan, nan, 0, "none: every value is missing", words, 0)
    return replace(ratio(cost, quality, clusters), estimand=words)


def prediction(name: str, result: Estimate, chance: float, level: float) -> Interval:
    """Return where the same mean of a run that is really made would lie.

    Its variance is that of the estimate, that of the templates the run would have, and
    ``chance``: that of single tasks, as far as the estimate has averaged it away.
    """
    error = result.standard_error
    if result.n_clusters < FEWEST_CLUSTERS or np.isnan(error) or np.isnan(chance):
        return Interval(nan, nan)
    t = t_quantile(level, float(result.n_clusters - 1))
    if error == 0 and chance == 0:
        if name not in RATES:
            return Interval(nan, nan)
        low, high = result.confidence_interval(level)
        spread = [t * sqrt(end * (1 - end) / result.n_clusters) for end in (low, high)]
        return Interval(max(0.0, low - spread[0]), min(1.0, high + spread[1]))
    half = t * sqrt(2 * error**2 + chance)
    low, high = result.estimate - half, result.estimate + half
    return Interval(max(0.0, low), min(1.0, high) if name in RATES else high)


def _bounds(name: str, found: Expectations) -> Interval:
    """Return the figure if no escalated try, or if every one, went as it best could."""
    least = found.least
    if least is None:
        return NO_BOUNDS
    failed = 1 - least.accepted
    if name in RATES:
        low = least.solved if name == "solved" else least.accepted
        high = low + failed
    elif name == "tries":
        low = least.amounts[name].mean + failed
        high = low + failed * (found.escalated_tries - 1)
    else:
        low = least.amounts[name].mean
        high = np.where(failed == 0, low, inf)
    known = ~np.isnan(low)
    if not known.any():
        return NO_BOUNDS
    return Interval(float(low[known].mean()), float(high[known].mean()))
