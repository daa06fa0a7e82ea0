"""Paired and unpaired differences, and what to do when nothing differs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint, score_test_proportions_2indep

from polpo_lab.stats import (
    difference,
    equivalence,
    equivalence_of,
    mcnemar,
    mean,
    paired_difference,
    proportion,
    proportion_from_counts,
    tango,
    wilcoxon,
)

VERDICTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=60)


@given(VERDICTS)
def test_tangos_interval_is_what_its_score_test_does_not_reject(pairs):
    a, b = np.array(pairs).T
    low, high = paired_difference(a, b).confidence_interval()
    wins, losses, n = int((a > b).sum()), int((a < b).sum()), len(a)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert high > low
    for end in (low, high):
        if abs(end) < 1 - 1e-9:
            assert abs(tango.score(wins, losses, n, end)) == pytest.approx(1.959964, abs=1e-5)


@given(VERDICTS)
def test_exchanging_the_conditions_changes_the_sign(pairs):
    a, b = np.array(pairs).T
    forth, back = paired_difference(a, b), paired_difference(b, a)
    assert forth.estimate == -back.estimate
    assert forth.pvalue == pytest.approx(back.pvalue)
    assert forth.confidence_interval().low == pytest.approx(-back.confidence_interval().high)


def test_no_difference_seen_is_not_no_difference():
    # One verdict each: Tango's bound for 0 discordant of n is z^2 / (n + z^2).
    same = paired_difference([1, 0, 1, 1] * 5, [1, 0, 1, 1] * 5)
    z2 = scipy_stats.norm.ppf(0.975) ** 2
    assert same.confidence_interval() == pytest.approx((-z2 / (20 + z2), z2 / (20 + z2)))
    assert same.pvalue == 1
    # Repeats and families: one pair for each independent unit.
    repeated = np.ones((20, 3))
    families = np.repeat(np.arange(5), 4)
    same = paired_difference(repeated, repeated, families)
    assert same.confidence_interval() == pytest.approx((-z2 / (5 + z2), z2 / (5 + z2)))
    assert equivalence(repeated, repeated, 0.5, families).details["verdict"] == "not assessable"


def test_scores_that_never_differ_have_no_interval():
    same = paired_difference([3.5, 4.0, 2.0], [3.5, 4.0, 2.0])
    assert same.pvalue == 1
    assert all(np.isnan(end) for end in same.confidence_interval())


def test_pooled_repeats_reject_a_true_null_and_the_default_does_not():
    # statistics.md: n = 20 templates, K = 5 repeats; agents are equally good on average, each
    # with templates that suit it.
    rng = np.random.default_rng(11)
    experiments, pooled, paired = 400, 0, 0
    for _ in range(experiments):
        chances = rng.beta(0.5, 0.5, (2, 20, 1))
        a, b = (rng.random((2, 20, 5)) < chances).astype(int)
        table = [
            [(a & b).sum(), (a & ~b & 1).sum()],
            [(~a & b & 1).sum(), ((1 - a) & (1 - b)).sum()],
        ]
        pooled += mcnemar(table).pvalue < 0.05
        paired += paired_difference(a, b).pvalue < 0.05
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / experiments)
    assert pooled / experiments > 2 * allowed
    assert paired / experiments <= allowed


def test_pooling_is_refused_by_name():
    repeated = np.ones((4, 3))
    with pytest.raises(ValueError, match="pooled repeats reject a true null far too often"):
        paired_difference(repeated, repeated, method="tango")


def test_the_paired_t_is_that_of_template_means():
    rng = np.random.default_rng(12)
    a, b = rng.random((30, 4)), rng.random((30, 2))
    tested = scipy_stats.ttest_rel(a.mean(axis=1), b.mean(axis=1))
    result = paired_difference(a, b)
    assert result.pvalue == pytest.approx(tested.pvalue)
    assert result.confidence_interval() == pytest.approx(tested.confidence_interval())


def test_wins_ties_and_losses_are_counted_by_template():
    details = paired_difference([[1, 1], [0, 1], [0, 0]], [[0, 1], [1, 0], [1, 1]]).details
    assert (details["wins"], details["ties"], details["losses"]) == (1, 1, 1)


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson", "agresti-coull", "jeffreys"])
@pytest.mark.parametrize("passed", [0, 1, 7, 19, 20])
def test_intervals_of_counts_are_those_of_statsmodels(method, passed):
    names = {"clopper-pearson": "beta", "agresti-coull": "agresti_coull"}
    expected = proportion_confint(passed, 20, 0.1, names.get(method, method))
    ends = proportion_from_counts(passed, 20, method).confidence_interval(0.9)
    assert ends == pytest.approx((max(0, expected[0]), min(1, expected[1])), abs=1e-12)


def test_korn_and_graubards_effective_size():
    rng = np.random.default_rng(13)
    passed = (rng.random((15, 4)) < rng.beta(2, 1, (15, 1))).astype(int)
    rate, error = proportion(passed), mean(passed).standard_error
    n_eff = min(60, rate.estimate * (1 - rate.estimate) / error**2)
    assert rate.details["effective_n"] == pytest.approx(n_eff)
    shrunk = n_eff * (scipy_stats.norm.ppf(0.975) / scipy_stats.t.ppf(0.975, 14)) ** 2
    expected = proportion_confint(rate.estimate * shrunk, shrunk, method="wilson")
    assert rate.confidence_interval() == pytest.approx(expected)


@given(st.integers(0, 40), st.integers(0, 30))
def test_newcombes_p_belongs_to_its_interval(passed_a, passed_b):
    a = [1] * passed_a + [0] * (40 - passed_a)
    b = [1] * passed_b + [0] * (30 - passed_b)
    result = difference(a, b)
    low, high = result.confidence_interval(0.95)
    assert (result.pvalue < 0.05) == (not low <= 0 <= high)


def test_newcombes_p_is_near_the_score_tests():
    result = difference([1] * 56 + [0] * 14, [1] * 48 + [0] * 32)
    theirs = score_test_proportions_2indep(56, 70, 48, 80, compare="diff")
    assert result.pvalue == pytest.approx(theirs.pvalue, abs=0.002)


def test_welch_is_scipys():
    rng = np.random.default_rng(14)
    a, b = rng.normal(0, 1, 12), rng.normal(1, 3, 20)
    tested = scipy_stats.ttest_ind(a, b, equal_var=False)
    result = difference(a, b)
    assert (result.pvalue, result.df) == pytest.approx((tested.pvalue, tested.df))
    assert result.confidence_interval() == pytest.approx(tested.confidence_interval())


def test_equivalence_is_two_one_sided_t_tests():
    rng = np.random.default_rng(15)
    a = rng.normal(3, 1, 40)
    b = a + rng.normal(0.02, 0.2, 40)
    result = equivalence(a, b, margin=0.1)
    below = scipy_stats.ttest_1samp(a - b, -0.1, alternative="greater").pvalue
    above = scipy_stats.ttest_1samp(a - b, 0.1, alternative="less").pvalue
    assert result.details["pvalue_not_below"] == pytest.approx(below, rel=1e-6)
    assert result.details["pvalue_not_above"] == pytest.approx(above, rel=1e-6)
    assert result.pvalue == pytest.approx(max(below, above), rel=1e-6)
    assert (result.details["verdict"] == "equivalent") == (result.pvalue < 0.05)


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [(0.5, 0.1, "better"), (-0.5, 0.1, "worse"), (0.0, 0.1, "equivalent"), (0.0, 3.0, "undecided")],
)
def test_each_verdict(shift, spread, verdict):
    noise = np.tile([-1.0, 1.0], 15) * spread
    apart = paired_difference(noise + shift, np.zeros(30))
    assert equivalence_of(apart, margin=0.2).details["verdict"] == verdict


def test_a_p_far_above_one_half_is_found_too():
    apart = paired_difference(np.linspace(0.9, 1.1, 10), np.zeros(10))
    judged = equivalence_of(apart, margin=0.1)
    expected = scipy_stats.ttest_1samp(np.linspace(0.9, 1.1, 10), 0.1, alternative="less").pvalue
    assert judged.details["pvalue_not_above"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("zeros", ["wilcox", "pratt", "zsplit"])
def test_the_rule_for_zeros_is_scipys_and_is_said(zeros):
    a, b = [4, 3, 5, 5, 2, 4, 1, 5], [4, 1, 3, 2, 2, 1, 2, 4]
    theirs = scipy_stats.wilcoxon(a, b, zero_method=zeros, method="approx")
    ours = wilcoxon(a, b, zeros)
    assert (ours.pvalue, ours.details["statistic"]) == pytest.approx(
        (theirs.pvalue, theirs.statistic)
    )
    assert any(note.startswith("2 of 8 differences are 0") for note in ours.notes)


def test_signed_ranks_of_nothing_that_differs():
    same = wilcoxon([1, 2, 3], [1, 2, 3])
    assert (same.estimate, same.pvalue) == (0, 1)


def test_signed_ranks_of_many_have_a_normal_interval():
    rng = np.random.default_rng(16)
    low, high = wilcoxon(rng.normal(0.3, 1, 200), np.zeros(200)).confidence_interval()
    t_low, t_high = scipy_stats.ttest_1samp(
        np.random.default_rng(16).normal(0.3, 1, 200), 0
    ).confidence_interval()
    assert (low, high) == pytest.approx((t_low, t_high), abs=0.05)
