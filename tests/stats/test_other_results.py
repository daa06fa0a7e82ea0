"""Curves, ratios, fronts, variances, power, and what every result can do."""

from __future__ import annotations

import pickle
import subprocess
import sys
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from polpo_lab import stats
from polpo_lab.stats.censored import censored_difference


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
    )
)
def test_curves_are_their_binomial_formulas(counts):
    n, c, k = counts
    assert stats.pass_at_k(n, c, k).estimate == pytest.approx(1 - comb(n - c, k) / comb(n, k))
    assert stats.pass_hat_k(n, c, k).estimate == pytest.approx(comb(c, k) / comb(n, k))


def test_curves_of_one_try_are_the_pass_rate():
    c = [3, 5, 0, 2, 4]
    passed = (np.arange(5) < np.array(c)[:, None]).astype(int)
    expected = stats.proportion(passed).confidence_interval()
    for curve in (stats.pass_at_k, stats.pass_hat_k):
        assert curve(5, c, 1).estimate == pytest.approx(14 / 25)
        assert curve(5, c, 1).confidence_interval() == pytest.approx(expected)


def test_templates_that_all_agree_have_wilsons_interval():
    result = stats.pass_at_k([5] * 10, [5] * 10, 2)
    assert (
        result.confidence_interval() == stats.proportion_from_counts(10, 10).confidence_interval()
    )


def test_fieller_holds_the_ratios_that_a_t_test_does_not_reject():
    rng = np.random.default_rng(1)
    cost, calls = rng.gamma(2, 1, 40), rng.poisson(4, 40).astype(float)
    low, high = stats.ratio(cost, calls).confidence_interval()
    for end in (low, high):
        assert scipy_stats.ttest_1samp(cost - end * calls, 0).pvalue == pytest.approx(0.05)


def test_cost_per_solved_is_fieller_with_the_limits_of_the_pass_rate():
    """MOVER-R: an end lies as far from the estimate as the limits of both means together."""
    rng = np.random.default_rng(1)
    families = np.repeat(np.arange(12), 5)
    solved = (rng.random(60) < 0.8).astype(float)
    cost = (2 - solved) * rng.gamma(4, 0.25, 60)
    result = stats.ratio(cost, solved, families)
    assert "score limits of the rate" in result.method
    over, under = cost.mean(), solved.mean()
    cost_low, cost_high = stats.mean(cost, families).confidence_interval()
    rate_low, rate_high = stats.proportion(solved, families).confidence_interval()
    by_family = pd.DataFrame({"c": cost, "s": solved}).groupby(families).sum()
    together = by_family.corr().loc["c", "s"]  # families of one size
    low, high = result.confidence_interval()
    for end, of_cost, of_rate in (
        (low, over - cost_low, rate_high - under),
        (high, cost_high - over, under - rate_low),
    ):
        distance = of_cost**2 + (end * of_rate) ** 2 - 2 * together * of_cost * end * of_rate
        assert (over - end * under) ** 2 == pytest.approx(distance)


def test_a_ratio_by_bootstrap_t_is_near_fiellers():
    rng = np.random.default_rng(2)
    cost, solved = rng.gamma(8, 1, 40), (rng.random(40) < 0.8).astype(float)
    drawn = stats.ratio(cost, solved, method="t", draws=1_000)
    assert "t interval" in drawn.method
    expected = stats.ratio(cost, solved).confidence_interval()
    assert drawn.confidence_interval() == pytest.approx(expected, rel=0.05)


def test_nothing_solved_has_a_lower_bound_only():
    result = stats.ratio([2.0] * 20, [0] * 20)
    assert np.isnan(result.estimate)
    # Wilson's upper bound of 0 of 20 is 0.1611 (Newcombe 1998).
    low, high = result.confidence_interval()
    assert (round(2 / low, 4), high) == (0.1611, np.inf)


def test_a_denominator_that_could_be_0_leaves_the_ratio_without_an_upper_end():
    assert stats.ratio([1.0, 2, 1, 3, 1], [2, 0, 0, 0, 0]).confidence_interval().high == np.inf


def test_a_rate_is_never_0_so_that_few_solved_have_an_upper_end():
    low, high = stats.ratio([1.0, 2, 1, 3, 1], [1, 0, 0, 0, 0]).confidence_interval()
    assert low < 8 < high < np.inf


def test_all_solved_cost_what_they_cost_and_the_rate_may_be_lower():
    low, high = stats.ratio([1.0, 2, 1, 3, 1], [1] * 5).confidence_interval()
    cost_low, cost_high = stats.mean([1.0, 2, 1, 3, 1]).confidence_interval()
    assert low == pytest.approx(cost_low)
    assert high > cost_high


def test_a_ratio_of_nothing_spent_is_0():
    assert stats.ratio([0.0] * 6, [1, 0, 1, 1, 0, 1]).confidence_interval() == (0, 0)


def test_a_bounded_mean_trusts_its_standard_error_less_when_one_unit_is_far_off():
    """scipy's unbiased excess kurtosis, and df = 2 / (2 / (n - 1) + k / n) of O'Neill 2014."""
    scores = np.array([5.0] * 11 + [4.75, 5.0, 3.0])
    n = len(scores)
    excess = scipy_stats.kurtosis(scores, bias=False)
    df = 2 / (2 / (n - 1) + excess / n)
    result = stats.mean(scores, within=(1, 5))
    assert result.df == pytest.approx(df)
    share = (scores.mean() - 1) / 4
    size = share * (1 - share) / (scipy_stats.sem(scores) / 4) ** 2
    size *= (scipy_stats.norm.ppf(0.975) / scipy_stats.t.ppf(0.975, df)) ** 2
    low, high = proportion_confint(share * size, size, method="wilson")
    assert result.confidence_interval() == pytest.approx((1 + 4 * low, 1 + 4 * high))


def test_light_tails_raise_no_degrees_of_freedom():
    assert stats.mean([2.0, 4, 2, 4, 2, 4, 2, 4], within=(1, 5)).df == pytest.approx(7)


def test_a_ratio_of_geometric_means_is_the_paired_t_of_logarithms():
    rng = np.random.default_rng(3)
    a, b = rng.lognormal(1, 1, 30), rng.lognormal(0.5, 1, 30)
    tested = scipy_stats.ttest_rel(np.log(a), np.log(b))
    result = stats.ratio_of_geometric_means(a, b)
    assert result.pvalue == pytest.approx(tested.pvalue)
    assert result.confidence_interval() == pytest.approx(np.exp(tested.confidence_interval()))


def test_timeouts_are_at_least_their_limit():
    rng = np.random.default_rng(4)
    slow, fast = rng.lognormal(2, 0.5, 400), rng.lognormal(1, 0.5, 400)
    cut = slow > 10
    stopped = np.minimum(slow, 10)
    naive = stats.ratio_of_geometric_means(stopped, fast).estimate
    low, high = stats.ratio_of_geometric_means(stopped, fast, censored_a=cut).confidence_interval(
        0.99
    )
    assert naive < low < np.e < high


def test_without_timeouts_the_censored_fit_is_the_paired_difference():
    rng = np.random.default_rng(20)
    logs = rng.normal(size=(2, 50)) + rng.normal(size=50)
    fitted = censored_difference(logs, np.zeros((2, 50), dtype=bool), None)
    tested = scipy_stats.ttest_rel(logs[0], logs[1])
    assert fitted.confidence_interval() == pytest.approx(tested.confidence_interval(), abs=1e-4)


def test_the_front_and_how_often_it_holds():
    rng = np.random.default_rng(5)
    cost = rng.normal([1.0, 2.0, 3.0, 2.5], 0.1, (50, 4))
    quality = rng.normal([0.2, 0.6, 0.9, 0.4], 0.1, (50, 4))
    front = stats.pareto_front(cost, quality, names=list("abcd"), draws=1_000)
    assert front.on_front.tolist() == [True, True, True, False]
    assert front.frequency.tolist() == [1, 1, 1, 0]
    twins = stats.pareto_front(cost[:, [0, 0]], quality[:, [0, 0]], draws=100)
    assert twins.on_front.all()


def simulated_scores(seed, shape=(400, 3, 4, 2), spreads=(2.0, 1.0, 0.7, 0.5)):
    rng = np.random.default_rng(seed)
    scores = np.zeros(shape)
    for axis, spread in enumerate(spreads):
        own = shape[: axis + 1] + (1,) * (len(shape) - axis - 1)
        scores = scores + rng.normal(0, spread, own)
    return scores


def test_moments_and_reml_agree_where_both_apply():
    scores = simulated_scores(6, shape=(60, 3, 4), spreads=(2.0, 1.0, 0.7))
    by_moments = stats.variance_components(scores, draws=200)
    gap = scores.copy()
    gap[0, 0, 0] = np.nan
    by_reml = stats.variance_components(gap)
    assert "REML" in by_reml.method
    for source in ("template", "template x condition", "repeat"):
        expected = by_moments[source].estimate
        assert by_reml[source].estimate == pytest.approx(expected, rel=0.02), source


def test_variances_are_those_simulated():
    parts = stats.variance_components(simulated_scores(7), draws=500)
    for source, truth in (
        ("template", 4),
        ("template x condition", 1),
        ("repeat", 0.49),
        ("judge", 0.25),
    ):
        low, high = parts[source].confidence_interval(0.999)
        assert low < truth < high, source
    assert sum(parts[s].details["share"] for s in parts.components) == pytest.approx(1)


def test_a_negative_variance_is_shown_as_0_with_the_raw_value():
    rng = np.random.default_rng(9)
    repeats = rng.normal(0, 1, (12, 2, 6))
    repeats -= repeats.mean(axis=(0, 2), keepdims=True)
    # Templates differ less than their noise explains: means pulled together.
    repeats -= repeats.mean(axis=(1, 2), keepdims=True)
    part = stats.variance_components(repeats, draws=100)["template"]
    assert part.estimate == 0
    assert part.details["raw"] < 0


def test_what_one_repeat_cannot_tell_is_missing():
    parts = stats.variance_components(simulated_scores(10)[:, :, :1, 0], draws=100)
    assert np.isnan(parts["repeat"].estimate)
    assert any("repeat cannot be told" in note for note in parts.notes)


def test_power_is_the_power_of_the_t_test():
    known = stats.PairedVariances(omega2=1.0)
    n = stats.power(0.5, known).estimate
    # Cohen's d = 0.5, paired: 34 pairs (G*Power; R's power.t.test gives 33.37).
    assert n == 34
    rng = np.random.default_rng(11)
    drawn = rng.normal(0.5, 1, (4_000, int(n)))
    rejected = scipy_stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05
    assert rejected.mean() == pytest.approx(0.8, abs=0.025)


def test_a_pilot_gives_a_range_and_a_small_one_no_single_number():
    rng = np.random.default_rng(12)
    pilot = (rng.random((30, 3)) < 0.7, rng.random((30, 3)) < 0.5)
    result = stats.power(0.1, pilot, repeats=5)
    low, high = result.confidence_interval()
    assert low < result.estimate < high
    small = stats.power(0.1, (pilot[0][:14], pilot[1][:14]), repeats=5)
    assert np.isnan(small.estimate)
    assert any("too few for a single number" in note for note in small.notes)
    assert not np.isnan(small.confidence_interval().low)


def test_families_that_agree_need_more_templates():
    rng = np.random.default_rng(13)
    families = np.repeat(np.arange(10), 6)
    a = rng.normal(size=10)[families] + rng.normal(size=60)
    b = np.zeros(60)
    apart = stats.power(0.3, (a, b)).estimate
    together = stats.power(0.3, (a, b), families)
    assert together.details["design_effect"] > 1.5
    assert together.estimate > 1.5 * apart


def results():
    rng = np.random.default_rng(14)
    a, b = rng.random((12, 3)), rng.random((12, 3))
    verdicts, labels = rng.integers(0, 2, 30), rng.integers(0, 2, 30)
    yield stats.mean(a, list("aabbccddeeff"), null=0.5)
    yield stats.proportion(verdicts)
    yield stats.paired_difference(a, b)
    yield stats.paired_difference(verdicts, labels)
    yield stats.difference(verdicts, labels)
    yield stats.bootstrap(a, draws=200)
    yield stats.simultaneous(np.stack([a, b, b + 0.1], axis=1), draws=200)
    yield stats.power(0.1, (a, b))
    yield stats.variance_components(np.stack([a, b], axis=1), draws=100)
    yield stats.cohen_kappa(verdicts, labels)
    yield stats.confusion(verdicts, labels)
    yield stats.corrected_rate(verdicts, labels)
    yield stats.ratio(a.sum(axis=1), b.sum(axis=1))
    yield stats.pareto_front(a, b, draws=100)
    yield stats.friedman(np.stack([a, b, a + b], axis=1))
    yield stats.wilcoxon(a, b)
    yield stats.icc(a)


@pytest.mark.parametrize(
    "result", list(results()), ids=lambda r: type(r).__name__ + " " + r.method[:20]
)
def test_a_result_shows_itself_and_travels(result):
    assert result.method in repr(result)
    html = result._repr_html_()
    assert html.startswith("<table>")
    assert "0x" not in repr(result) + html
    frame = result.to_frame(0.9)
    assert len(frame) >= 1
    again = pickle.loads(pickle.dumps(result))
    assert repr(again) == repr(result)
    with pytest.raises(AttributeError):
        result.method = "another"


def test_a_frame_has_what_a_table_in_a_paper_needs():
    result = stats.mean([1.0, 2.0, 4.0, 3.0], null=2.0)
    row = result.to_frame(0.9).iloc[0]
    assert (row["low"], row["high"]) == result.confidence_interval(0.9)
    assert (row["n"], row["n_clusters"], row["level"]) == (4, 4, 0.9)


def test_html_is_escaped():
    compared = stats.simultaneous([[1, 2], [2, 2], [1, 3]], names=["<b>", "&"], draws=100)
    assert "<b> - &" not in compared._repr_html_()
    assert "&lt;b&gt; - &amp;" in compared._repr_html_()


def test_a_wider_level_gives_a_wider_interval():
    for result in results():
        if isinstance(result, stats.Estimate) and not np.isnan(result.confidence_interval().low):
            narrow, wide = (result.confidence_interval(level) for level in (0.8, 0.99))
            assert wide.low <= narrow.low <= narrow.high <= wide.high


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("mean", ("scipy.stats", "statsmodels", "pandas")),
        ("proportion", ("scipy.stats", "statsmodels")),
    ],
)
def test_a_common_statistic_waits_for_no_heavy_library(name, absent):
    program = (
        f"from polpo_lab.stats import {name}\nimport sys\n"
        f"{name}([1, 0, 1, 1, 0]).confidence_interval()\n"
        f"print(*(m for m in {absent!r} if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []
