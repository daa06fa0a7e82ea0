"""Costs, times and counts are amounts, whatever their size: no shares, no verdicts, no points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from polpo_lab import compare
from polpo_lab.stats import mean
from tests.analysis.trials import table


def costs(a: list[float | None], b: list[float | None], name: str = "cost") -> pd.DataFrame:
    return table({"A": [[v] for v in a], "B": [[v] for v in b]}).rename(columns={"value": name})


@pytest.fixture
def cents() -> pd.DataFrame:
    """Costs of some cents: each lies between 0 and 1, as a share would."""
    rng = np.random.default_rng(4)
    return costs(*rng.normal(0.05, 0.002, (2, 30)).tolist())


@pytest.mark.parametrize("name", ["cost", "judge_cost", "working_seconds"])
def test_amounts_below_one_have_the_t_interval_of_a_mean(cents, name):
    compared = compare(cents.rename(columns={"cost": name}), by="agent", metric=name)
    for agent, row in compared.conditions.set_index("agent").iterrows():
        values = cents.loc[cents["agent"] == agent, "cost"]
        expected = stats.t.interval(0.95, 29, values.mean(), stats.sem(values))
        assert (row["low"], row["high"]) == pytest.approx(expected)


def test_missing_costs_have_no_bounds_of_passing_and_failing(cents):
    holed = cents.assign(cost=cents["cost"].where(cents["template"] != "t3"))
    compared = compare(holed, by="agent", metric="cost")
    assert compared.differences["if_missing_low"].isna().all()
    assert not any("passed under the other" in each for each in compared.warnings)


def test_a_margin_of_dollars_may_be_above_one(cents):
    row = compare(cents, by="agent", metric="cost", margin=2.0).differences.iloc[0]
    assert row["verdict"] == "equivalent"


@pytest.mark.parametrize("name", ["attempts", "fixes", "tokens_in", "cost"])
def test_counts_that_are_all_0_or_1_are_no_verdicts(name):
    compared = compare(costs([1, 1, 0, 1], [1, 0, 0, 1], name), by="agent", metric=name)
    row = compared.differences.iloc[0]
    assert (row["difference"], row["unit"]) == (0.25, name)
    assert "points" not in compared.sentence


def test_equal_costs_have_no_score_bound():
    row = compare(costs([0.1] * 6, [0.1] * 6), by="agent", metric="cost").differences.iloc[0]
    assert row["difference"] == 0
    assert np.isnan(row["low"])


def test_unpaired_costs_keep_their_interval():
    df = pd.concat([costs([0.1, 0.3, 0.2], []), costs([], [0.2, 0.5, 0.6]).assign(
        template=["x", "y", "z"])])  # fmt: skip
    row = compare(df, by="agent", metric="cost").differences.iloc[0]
    expected = stats.ttest_ind([0.1, 0.3, 0.2], [0.2, 0.5, 0.6], equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_partial_credit_is_a_bounded_mean_and_no_pass_rate():
    """Its interval is narrower than that of as many verdicts, which vary more."""
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.4, 0.6, (2, 50)).tolist()
    compared = compare(costs(a, b, "credit"), by="agent", metric="credit")
    row = compared.conditions.set_index("agent").loc["A"]
    low, high = proportion_confint(np.sum(a), 50, method="wilson")
    assert row["high"] - row["low"] < (high - low) / 3
    expected = mean(a, within=(0, 1)).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx(expected)
