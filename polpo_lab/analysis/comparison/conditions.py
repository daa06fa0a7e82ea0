"""Each condition by itself: its mean or rate with an interval, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from polpo_lab.analysis.comparison.clustering import Clustering
from polpo_lab.analysis.comparison.metrics import Metric
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.stats.cluster_variance import ClusteredMean, clustered_mean
from polpo_lab.stats.means import kept_within, t_estimate
from polpo_lab.stats.proportions import rate_estimate
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats, Sample, numbered


@dataclass(frozen=True)
class ConditionResult:
    """One condition.

    Attributes
    ----------
    name : str
        The values of the compared columns, in one line.
    values : tuple
        Those values.
    estimate : Estimate
        The rate or mean over templates; of durations, of their logarithms.
    n_used, n_planned : int
        Trials with a value, and all.
    n_templates : int
        Templates with a value.
    reasons : dict of str to int
        Why the others have none.
    """

    name: str
    values: tuple[object, ...]
    estimate: Estimate
    n_used: int
    n_planned: int
    n_templates: int
    reasons: dict[str, int]


def conditions_of(
    table: Table, metric: Metric, clustering: Clustering, reasons: list[dict[str, int]]
) -> tuple[ConditionResult, ...]:
    """Return every condition, in the table's order."""
    means = table.means
    used, planned = (x.sum(axis=(0, 2)) for x in (table.n_used, table.n_planned))
    return tuple(
        ConditionResult(
            name=name,
            values=values,
            estimate=_estimate(means[:, at], int(used[at]), metric, clustering),
            n_used=int(used[at]),
            n_planned=int(planned[at]),
            n_templates=int((~np.isnan(means[:, at])).sum()),
            reasons=reasons[at],
        )
        for at, (name, values) in enumerate(zip(table.names, table.conditions, strict=True))
    )


def _estimate(means: Floats, n_used: int, metric: Metric, clustering: Clustering) -> Estimate:
    kept = ~np.isnan(means)
    units = clustering.of(kept)
    data = replace(numbered(means[kept], units.codes), n=n_used)
    fitted = _fitted(data, units)
    what = "pass rate" if metric.is_verdict else f"mean {metric.name}"
    estimand = f"the {what} over templates like these"
    if metric.is_verdict:
        is_plain = data.n == data.n_clusters and units.strata is None
        return rate_estimate(data, fitted, method="wilson", is_plain=is_plain, estimand=estimand)
    method = "mean over templates, t interval, CR2 variance"
    result = t_estimate(data, fitted, estimand=estimand, method=method)
    if metric.within is None:
        return result
    return kept_within(result, replace(data, values=units.within(data.values)), metric.within)


def _fitted(data: Sample, units: Clustering) -> ClusteredMean:
    return clustered_mean(units.within(data.values), data.codes)
