"""A comparison as frames: one row per condition, one row per contrast."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import pandas as pd

from polpo_lab.analysis.comparison.contrasts import UNPAIRED
from polpo_lab.analysis.comparison.display import won_and_lost
from polpo_lab.analysis.comparison.sentences import estimand_of
from polpo_lab.analysis.comparison.verdicts import Difference

if TYPE_CHECKING:
    from polpo_lab.analysis.comparison.result import Comparison


def conditions_frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row per condition: its rate or mean with interval, n used of n planned."""
    metric, level = comparison.metric, comparison.request.level
    rows = []
    for each in comparison.condition_results:
        low, high = each.estimate.confidence_interval(level)
        rows.append(
            {
                "condition": each.name,
                **dict(zip(comparison.roles.by, each.values, strict=True)),
                "estimate": metric.level(each.estimate.estimate),
                "low": metric.level(low),
                "high": metric.level(high),
                "level": level,
                "n_used": each.n_used,
                "n_planned": each.n_planned,
                "n_templates": each.n_templates,
                "n_clusters": each.estimate.n_clusters,
                "missing": ", ".join(f"{n} {why}" for why, n in each.reasons.items()),
                "metric": metric.name,
                "method": each.estimate.method,
            }
        )
    return pd.DataFrame(rows)


def differences_frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row per contrast, its figures as they are shown."""
    return pd.DataFrame([_row(comparison, each) for each in comparison.difference_results])


def _row(comparison: Comparison, each: Difference) -> dict[str, Any]:
    metric, names = comparison.metric, comparison.table.names
    contrast, estimate = each.contrast, each.contrast.estimate
    a, b = (" + ".join(names[at] for at in side) for side in (contrast.plus, contrast.minus))
    wins, losses = won_and_lost(comparison, each)
    bounds = (nan, nan) if each.bounds is None else (each.bounds.low, each.bounds.high)
    return {
        "contrast": contrast.name,
        "a": a,
        "b": b,
        "difference": metric.difference(estimate.estimate),
        "low": metric.difference(each.interval.low),
        "high": metric.difference(each.interval.high),
        "level": comparison.request.level,
        "unit": metric.unit,
        "pvalue": estimate.pvalue,
        "unadjusted_pvalue": estimate.details.get("unadjusted_pvalue", estimate.pvalue),
        "verdict": each.verdict,
        "wins": wins,
        "ties": contrast.ties,
        "losses": losses,
        "if_missing_low": metric.difference(bounds[0]),
        "if_missing_high": metric.difference(bounds[1]),
        "equivalence_pvalue": each.equivalence_pvalue,
        "n_templates": estimate.n if contrast.kind == UNPAIRED else len(contrast.values),
        "n_clusters": estimate.n_clusters,
        "df": estimate.df,
        "standard_error": estimate.standard_error,
        "seed": estimate.seed,
        "metric": metric.name,
        "exploratory": comparison.is_exploratory,
        "estimand": estimand_of(each, metric, comparison.clustering, comparison.roles.axes),
        "method": estimate.method,
    }
