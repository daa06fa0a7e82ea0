"""The cluster bootstrap and the simultaneous contrasts, beside independent ways."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from polpo_lab.stats import bootstrap, paired_difference, simultaneous

SKEWED = np.random.default_rng(21).gamma(2, 1, 40)


@pytest.mark.parametrize(("ours", "theirs"), [("percentile", "percentile"), ("bca", "BCa")])
def test_intervals_agree_with_scipys(ours, theirs):
    expected = scipy_stats.bootstrap(
        (SKEWED,), np.mean, n_resamples=50_000, method=theirs, rng=np.random.default_rng(1)
    ).confidence_interval
    fast = bootstrap(SKEWED, "mean", draws=50_000, method=ours, seed=2)
    slow = bootstrap(SKEWED, lambda rows: rows.mean(), draws=10_000, method=ours, seed=3)
    assert fast.confidence_interval() == pytest.approx(expected, abs=0.01)
    assert slow.confidence_interval() == pytest.approx(expected, abs=0.02)


def test_bootstrap_t_of_the_mean_is_the_same_by_formula_and_by_jackknife():
    # For a mean, the jackknife's standard error is the CR1 one.
    few = SKEWED[:12]
    by_formula = bootstrap(few, "mean", draws=3_000, seed=4)
    by_jackknife = bootstrap(few, lambda rows: rows.mean(), draws=3_000, seed=4)
    low, high = by_formula.confidence_interval()
    assert by_jackknife.confidence_interval() == pytest.approx((low, high), rel=0.06)


def test_clusters_of_unequal_size_travel_intact():
    rng = np.random.default_rng(22)
    clusters = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    values = rng.normal(size=30)[clusters] + rng.normal(size=len(clusters))
    fast = bootstrap(values, "mean", clusters, draws=20_000, method="percentile", seed=5)
    slow = bootstrap(values, lambda r: r.mean(), clusters, 5_000, method="percentile", seed=6)
    assert fast.confidence_interval() == pytest.approx(slow.confidence_interval(), abs=0.03)
    assert fast.standard_error > 1.5 * values.std() / np.sqrt(len(values))


def test_repeats_are_not_resampled():
    rng = np.random.default_rng(23)
    values = rng.normal(size=(50, 1)) + rng.normal(size=(50, 5))
    drawn = bootstrap(values, draws=20_000, seed=7)
    assert drawn.standard_error == pytest.approx(values.mean(axis=1).std() / np.sqrt(50), rel=0.03)


def test_a_seed_comes_from_the_data_and_is_shown():
    first, again = bootstrap(SKEWED), bootstrap(SKEWED.tolist())
    assert first.seed == again.seed
    assert first.confidence_interval() == again.confidence_interval()
    assert bootstrap(SKEWED[::-1]).seed != first.seed
    assert f"seed = {first.seed}" in repr(first)


def test_from_50_clusters_on_other_statistics_get_the_percentile_interval():
    values = np.random.default_rng(24).normal(size=50)
    result = bootstrap(values, np.median, draws=200, seed=1)
    assert "percentile interval" in result.method
    assert "50 clusters, so not bootstrap-t" in result.method


def test_degenerate_draws_are_counted():
    # A ratio whose denominator is 0 in every draw without the one row that has it.
    rows = np.array([[1.0, 0.0]] * 5 + [[1.0, 1.0]])
    result = bootstrap(
        rows, lambda r: r[:, 0].sum() / r[:, 1].sum(), method="percentile", draws=2_000, seed=8
    )
    lost = result.details["degenerate_draws"]
    assert lost / 2_000 == pytest.approx((5 / 6) ** 6, abs=0.05)
    assert f"{lost} of 2000 draws are degenerate, left out" in result.notes


def test_a_statistic_that_divides_by_zero_is_degenerate_too():
    rows = [0.0] * 5 + [1.0, 2.0]
    result = bootstrap(
        rows, lambda r: 1.0 / float(r.sum()), method="percentile", draws=2_000, seed=9
    )
    assert result.details["degenerate_draws"] > 0


def conditions(seed, n=40, k=4, families=None):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 1)) + rng.normal(size=(n, k))
    return (
        values if families is None else values + rng.normal(size=(families.max() + 1, k))[families]
    )


def test_one_contrast_is_the_paired_t():
    values = conditions(31, k=2)
    together = simultaneous(values, draws=200_000, seed=1)[0]
    alone = paired_difference(values[:, 0], values[:, 1], method="t")
    assert together.standard_error == pytest.approx(alone.standard_error)
    assert together.confidence_interval() == pytest.approx(alone.confidence_interval(), abs=0.01)
    assert together.details["unadjusted_pvalue"] == pytest.approx(alone.pvalue)
    assert together.pvalue == pytest.approx(alone.pvalue, abs=0.003)


def test_all_pairs_of_independent_conditions_are_near_tukeys():
    # With equal variances and no template effect the contrasts' max-t is the studentised range.
    rng = np.random.default_rng(32)
    values = rng.normal(size=(4_000, 4))
    compared = simultaneous(values, draws=100_000, seed=2)
    low, high = compared[0].confidence_interval()
    half = (high - low) / 2 / compared[0].standard_error
    assert half == pytest.approx(
        scipy_stats.studentized_range.ppf(0.95, 4, np.inf) / np.sqrt(2), abs=0.03
    )


def test_step_down_lies_between_unadjusted_and_bonferroni():
    compared = simultaneous(conditions(33) + np.array([0.0, 0.2, 0.5, 0.9]), draws=20_000, seed=3)
    raw = np.array([c.details["unadjusted_pvalue"] for c in compared])
    adjusted = np.array([c.pvalue for c in compared])
    assert (adjusted >= raw - 0.005).all()
    assert (adjusted <= np.minimum(1, raw * len(raw)) + 0.005).all()


def test_a_baseline_and_weights():
    values = conditions(34)
    against = simultaneous(values, contrasts=0, names=list("ABCD"), draws=500, seed=4)
    assert against.names == ("B - A", "C - A", "D - A")
    weighted = simultaneous(values, [[1, -0.5, -0.5, 0]], names=list("ABCD"), draws=500, seed=4)
    assert weighted.names == ("A - 0.5 B - 0.5 C",)
    expected = values[:, 0] - values[:, 1:3].mean(axis=1)
    assert weighted[0].estimate == pytest.approx(expected.mean())


def test_holm_comes_with_bonferroni_intervals():
    values = conditions(35, k=3)
    compared = simultaneous(values, correction="holm", names=list("ABC"))
    tested = scipy_stats.ttest_rel(values[:, 0], values[:, 1])
    expected = tested.confidence_interval(1 - 0.05 / 3)
    assert compared["A - B"].confidence_interval() == pytest.approx(expected)
    assert compared["A - B"].seed is None


def test_a_contrast_uses_the_templates_that_have_its_conditions():
    values = conditions(36, k=3)
    values[:5, 2] = np.nan
    compared = simultaneous(values, names=list("ABC"), draws=500, seed=5)
    assert [c.n for c in compared] == [40, 35, 35]
    assert "A - C: 5 templates lack one of the conditions, left out" in compared.notes


def test_conditions_that_never_differ_get_the_score_bound():
    passed = np.repeat([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 10, axis=0)
    passed[0, 2] = 1
    compared = simultaneous(passed, names=list("ABC"), draws=500, seed=6)
    z2 = scipy_stats.norm.ppf(1 - 0.05 / 6) ** 2
    assert compared["A - B"].pvalue == 1
    assert compared["A - B"].confidence_interval() == pytest.approx(
        (-z2 / (20 + z2), z2 / (20 + z2))
    )


@pytest.mark.parametrize("df", [1.0, 3.0, 7.7, 30.0])
def test_each_statistic_of_the_reference_is_t_with_its_fractional_df(df):
    from polpo_lab.stats import max_t

    # Two contrasts of three conditions; each column alone is Student's t, in size.
    influence = np.linalg.qr(np.random.default_rng(37).normal(size=(40, 2)))[0]
    sizes = max_t.reference(influence, df, 100_000, seed=7)
    for column in sizes.T:
        for level in (0.5, 0.9, 0.95):
            expected = scipy_stats.t.ppf((1 + level) / 2, df)
            assert (column < expected).mean() == pytest.approx(level, abs=0.012)


def test_draws_of_equal_values_have_no_standard_error():
    """Of 27 draws of three values, two 1 and a 0, nine are all equal."""
    result = bootstrap([1.0, 0.0, 1.0], draws=20_000)
    share = result.details["degenerate_draws"] / 20_000
    assert share == pytest.approx(9 / 27, abs=4 * np.sqrt(2 / 9 / 20_000))
    low, high = result.confidence_interval()
    assert 0 <= low < high <= 1


def test_two_units_have_no_bootstrap_t_interval_of_no_width():
    result = bootstrap([0.0, 1.0])
    assert np.isnan(result.confidence_interval().low)
    assert any("there is no interval" in note for note in result.notes)
