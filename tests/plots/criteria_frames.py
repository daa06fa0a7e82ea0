"""Frames of criteria, made of recorded checks with `polpo_lab.stats`: what two figures draw."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from polpo_lab.stats import Calibration, calibration, correlation, mean, proportion

ROUND = ["task_id", "attempt", "round"]


def by_round(checks: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return one column of the checks as rounds by checks, and the round's template."""
    named = checks.assign(name=checks["name"].astype(str), template=checks["template"].astype(str))
    return named.pivot_table(index=[*ROUND, "template"], columns="name", values=column)


def redundancy_pairs(checks: pd.DataFrame) -> pd.DataFrame:
    """Return the correlation of each two checks' verdicts."""
    table = by_round(checks, "passed_num")
    templates = table.index.get_level_values("template")
    rows = []
    for one, other in combinations(table.columns, 2):
        phi = correlation(table[one], table[other], "pearson", templates, draws=200, seed=1)
        rows.append((one, other, phi.estimate, *phi.confidence_interval(), phi.n))
    return pd.DataFrame(rows, columns=["criterion", "other", "phi", "low", "high", "n"])


def scored(checks: pd.DataFrame, criterion: str, truth: str) -> tuple[pd.Series, pd.Series]:
    """Return a criterion's scores and another check's verdicts, of rounds that have both."""
    score = by_round(checks, "score")[criterion]
    verdict = by_round(checks, "passed_num")[truth]
    both = pd.concat([score, verdict], axis=1).dropna()
    return both[criterion], both[truth]


def sweep_of(checks: pd.DataFrame, criterion: str, truth: str, in_force: float) -> pd.DataFrame:
    """Return the cost of errors, a false pass at 2 and a false fail at 1, by threshold."""
    score, right = scored(checks, criterion, truth)
    templates = score.index.get_level_values("template")
    rows = []
    for threshold in np.unique([1.0, *score, in_force, 5.0]):
        passed = score >= threshold
        cost = mean(
            2.0 * (passed & (right == 0)) + (~passed & (right == 1)), templates, within=(0, 2)
        )
        false_pass = proportion(passed[right == 0].astype(float))
        false_fail = proportion((~passed[right == 1]).astype(float))
        rows.append(
            (criterion, threshold, cost.estimate, *cost.confidence_interval(),
             false_pass.estimate, false_fail.estimate, cost.n, threshold == in_force)
        )  # fmt: skip
    columns = ["criterion", "threshold", "cost", "cost_low", "cost_high", "false_pass_rate",
               "false_fail_rate", "n", "in_force"]  # fmt: skip
    sweep = pd.DataFrame(rows, columns=columns)
    return sweep.assign(recommended=sweep.index == sweep["cost"].idxmin())


def calibrated(checks: pd.DataFrame, criterion: str, truth: str) -> Calibration:
    """Return what a criterion's scores are worth."""
    score, right = scored(checks, criterion, truth)
    return calibration(score, right, score.index.get_level_values("template"))
