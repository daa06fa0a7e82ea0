"""Comparisons agree with independent libraries, and with tables worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from polpo_lab import compare
from tests.analysis.trials import table, trials


def means(df: pd.DataFrame, metric: str = "passed") -> pd.DataFrame:
    return df.assign(y=df[metric].astype(float)).pivot_table("y", "template", "agent")


def test_two_conditions_are_scipy_s_paired_t_on_template_means():
    df = trials({"A": 0.6, "B": 0.45})
    row = compare(df, by="agent").differences.iloc[0]
    expected = stats.ttest_rel(means(df)["A"], means(df)["B"])
    interval = expected.confidence_interval(0.95)
    assert row["difference"] == pytest.approx(100 * (means(df)["A"] - means(df)["B"]).mean())
    assert (row["low"], row["high"]) == pytest.approx((100 * interval.low, 100 * interval.high))
    assert row["pvalue"] == pytest.approx(expected.pvalue)


def test_balanced_families_are_statsmodels_cluster_robust_regression():
    # With clusters of one size CR2 is CR1; statsmodels' default is CR1 times (n - 1) / (n - k).
    df = trials({"A": 0.6, "B": 0.5}, templates=60, families=20)
    row = compare(df, by="agent").differences.iloc[0]
    wide = means(df)
    data = pd.DataFrame({"d": wide["A"] - wide["B"], "family": [t % 20 for t in range(60)]})
    fit = smf.ols("d ~ 1", data).fit(
        cov_type="cluster", cov_kwds={"groups": data["family"]}, use_t=True
    )
    assert row["difference"] == pytest.approx(100 * fit.params["Intercept"])
    assert row["standard_error"] == pytest.approx(fit.bse["Intercept"])
    assert row["pvalue"] == pytest.approx(fit.pvalues["Intercept"])
    assert row["n_clusters"] == 20
    assert row["df"] == pytest.approx(19)


def test_one_repeat_of_verdicts_is_tango_and_mid_p():
    # 30 templates: 9 only A passes, 2 only B, 12 both, 7 neither.
    a = [1] * 9 + [0] * 2 + [1] * 12 + [0] * 7
    b = [0] * 9 + [1] * 2 + [1] * 12 + [0] * 7
    df = table({"A": [[v] for v in a], "B": [[v] for v in b]})
    row = compare(df, by="agent", metric="value").differences.iloc[0]
    midp = 2 * stats.binom.cdf(2, 11, 0.5) - stats.binom.pmf(2, 11, 0.5)
    assert row["pvalue"] == pytest.approx(midp)
    assert "Tango" in row["method"]
    assert (row["wins"], row["ties"], row["losses"]) == (9, 19, 2)
    assert row["difference"] == pytest.approx(100 * 7 / 30)
    # Tango's interval holds the differences whose score statistic is at most 1.96.
    for end in (row["low"], row["high"]):
        assert abs(tango_score(9, 2, 30, end / 100)) == pytest.approx(1.959964, abs=1e-5)


def tango_score(b: int, c: int, n: int, d: float) -> float:
    """Tango (1998), equations 3 and 5, written out."""
    half = -b - c + (2 * n - b + c) * d
    q = (np.sqrt(half**2 + 8 * n * c * d * (1 - d)) - half) / (4 * n)
    return (b - c - n * d) / np.sqrt(n * (2 * q + d * (1 - d)))


def test_holm_of_paired_t_tests():
    df = trials({"A": 0.65, "B": 0.5, "C": 0.5}, seed=3)
    compared = compare(df, by="agent", correction="holm").differences
    wide = means(df)
    raw = [stats.ttest_rel(wide[a], wide[b]).pvalue for a, b in ("AB", "AC", "BC")]
    order = np.argsort(raw)
    holm = np.maximum.accumulate(np.array(raw)[order] * [3, 2, 1]).clip(max=1)
    assert compared["pvalue"].to_numpy()[order] == pytest.approx(holm)
    assert compared["unadjusted_pvalue"].to_numpy() == pytest.approx(raw)
    bonferroni = stats.ttest_rel(wide["A"], wide["B"]).confidence_interval(1 - 0.05 / 3)
    assert compared["low"][0] == pytest.approx(100 * bonferroni.low)


def test_max_t_is_dunnett_s_t_for_comparisons_with_a_baseline():
    # Independent normal noise of one size: the differences with a baseline correlate by 1/2,
    # the case of Dunnett; scipy's own reference has pooled df, so the two differ a little.
    rng = np.random.default_rng(5)
    values = rng.normal(size=(200, 4))
    df = table({name: [[v] for v in values[:, at]] for at, name in enumerate("ABCD")})
    compared = compare(df, by="agent", metric="value", baseline="D", seed=1).differences
    dunnett = stats.dunnett(*(values[:, at] for at in range(3)), control=values[:, 3])
    half = (compared["high"] - compared["low"]) / 2 / compared["standard_error"]
    interval = dunnett.confidence_interval(0.95)
    pooled = np.sqrt(values.var(axis=0, ddof=1).mean() * 2 / 200)
    expected = (interval.high - interval.low) / 2 / pooled
    assert half.to_numpy() == pytest.approx(expected, rel=0.01)


def test_rates_have_wilson_s_interval():
    df = table({"A": [[1]] * 81 + [[0]] * 182, "B": [[0]] * 263})
    rates = compare(df, by="agent", metric="value").conditions
    low, high = proportion_confint(81, 263, method="wilson")
    assert (rates["low"][0], rates["high"][0]) == pytest.approx((low, high))
    assert rates["high"][1] == pytest.approx(proportion_confint(0, 263, method="wilson")[1])


def test_a_table_worked_out_by_hand():
    # A: 2/2, 1/2, 0/2, 2/2 = .625; B: 1/2, 1/2, 0/2, 0/2 = .25. Differences .5, 0, 0, 1.
    df = table({"A": [[1, 1], [1, 0], [0, 0], [1, 1]], "B": [[1, 0], [0, 1], [0, 0], [0, 0]]})
    compared = compare(df, by="agent", metric="value")
    row = compared.differences.iloc[0]
    assert row["difference"] == pytest.approx(37.5)
    assert row["standard_error"] == pytest.approx(np.std([0.5, 0, 0, 1], ddof=1) / 2)
    assert (row["wins"], row["ties"], row["losses"]) == (2, 2, 0)
    assert compared.conditions["estimate"].tolist() == [0.625, 0.25]
    assert compared.values.loc["t0"].tolist() == [1.0, 0.5]


def test_pass_at_k_and_pass_hat_k_over_repeats():
    # 2 of 5 and 5 of 5: pass@2 = (1 - 3/10 + 1) / 2, pass^2 = (1/10 + 1) / 2.
    df = table({"A": [[1, 1, 0, 0, 0], [1] * 5], "B": [[0] * 5, [1] * 5]})
    curves = compare(df, by="agent", metric="value").pass_rates()
    at_two = curves[(curves["condition"] == "A") & (curves["k"] == 2)].set_index("curve")
    assert at_two.loc["pass@k", "estimate"] == pytest.approx((0.7 + 1) / 2)
    assert at_two.loc["pass^k", "estimate"] == pytest.approx((0.1 + 1) / 2)


def test_fixed_families_are_the_stratified_variance():
    # sum over strata of n_h^2 (s_h^2 / n_h) / n^2, by hand.
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 24))
    family = np.repeat([0, 1, 2], [6, 8, 10])
    df = table({"A": [[v] for v in a], "B": [[v] for v in b]})
    df["family"] = family[df["template"].str[1:].astype(int)]
    row = compare(df, by="agent", metric="value", cluster="strata").differences.iloc[0]
    d = a - b
    sizes = [6, 8, 10]
    variance = sum(n * d[family == at].var(ddof=1) for at, n in enumerate(sizes)) / 24**2
    assert row["standard_error"] == pytest.approx(np.sqrt(variance))
    assert row["difference"] == pytest.approx(d.mean())
    assert "fixed families" in row["method"]


def test_durations_are_ratios_of_geometric_means():
    rng = np.random.default_rng(4)
    a, b = rng.lognormal(1, 0.5, (2, 30))
    df = table({"A": [[v] for v in a], "B": [[v] for v in b]}).rename(columns={"value": "seconds"})
    compared = compare(df, by="agent", metric="seconds")
    row = compared.differences.iloc[0]
    expected = stats.ttest_rel(np.log(a), np.log(b)).confidence_interval(0.95)
    assert row["difference"] == pytest.approx(stats.gmean(a) / stats.gmean(b))
    assert (row["low"], row["high"]) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))
    assert compared.conditions["estimate"][0] == pytest.approx(stats.gmean(a))


def test_the_difference_in_differences():
    rng = np.random.default_rng(6)
    cells = {(a, p): rng.normal(size=30) for a in "AB" for p in ("once", "retry")}
    df = pd.DataFrame(
        [
            {"agent": a, "policy": p, "template": t, "value": value}
            for (a, p), values in cells.items()
            for t, value in enumerate(values)
        ]
    )
    row = compare(df, by=("agent", "policy"), metric="value", interaction=True).differences.iloc[0]
    once = cells["A", "once"] - cells["B", "once"]
    retry = cells["A", "retry"] - cells["B", "retry"]
    expected = stats.ttest_rel(once, retry)
    assert row["difference"] == pytest.approx((once - retry).mean())
    assert row["pvalue"] == pytest.approx(expected.pvalue)
    assert row["contrast"] == "(A - B under once) - (A - B under retry)"


def test_disjoint_templates_are_welch_s_unpaired_t():
    rng = np.random.default_rng(7)
    a, b = rng.normal(3, 1, 20), rng.normal(3.4, 2, 30)
    df = pd.DataFrame(
        [{"agent": "A", "template": f"a{t}", "score": v} for t, v in enumerate(a)]
        + [{"agent": "B", "template": f"b{t}", "score": v} for t, v in enumerate(b)]
    )
    compared = compare(df, by="agent", metric="score")
    row = compared.differences.iloc[0]
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert row["pvalue"] == pytest.approx(expected.pvalue)
    assert row["df"] == pytest.approx(expected.df)
    assert "unpaired" in compared.sentence
    assert any("share no template" in each for each in compared.warnings)


def test_one_verdict_each_on_other_templates_is_newcombe_s_interval():
    """Newcombe (1998): 56 of 70 against 48 of 80, .0524 to .3339."""
    a, b = [1] * 56 + [0] * 14, [1] * 48 + [0] * 32
    rows = [("A", f"a{n}", x) for n, x in enumerate(a)] + [
        ("B", f"b{n}", x) for n, x in enumerate(b)
    ]
    df = pd.DataFrame(rows, columns=["agent", "template", "passed"])
    row = compare(df, by="agent").differences.iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((5.24, 33.39), abs=0.005)
    assert row["verdict"] == "better"
