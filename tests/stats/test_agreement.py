"""Judges against labels: agreement, corrected rates, and what a further reviewer brings."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.inter_rater import cohens_kappa

from polpo_lab.assess.scoring import consensus
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import (
    cohen_kappa,
    confusion,
    consensus_noise,
    corrected_rate,
    correlation,
    icc,
    krippendorff_alpha,
    proportion,
)


def judged_and_true(seed, n=400, sensitivity=0.9, specificity=0.8, passing=0.6):
    rng = np.random.default_rng(seed)
    true = (rng.random(n) < passing).astype(float)
    right = rng.random(n) < np.where(true == 1, sensitivity, specificity)
    return np.where(right, true, 1 - true), true


def test_kappas_interval_is_statsmodels():
    judged, true = judged_and_true(1)
    ours = cohen_kappa(judged, true)
    table = np.array([[((judged == j) & (true == t)).sum() for t in (0, 1)] for j in (0, 1)])
    theirs = cohens_kappa(table)
    assert ours.standard_error == pytest.approx(theirs.std_kappa)
    assert ours.confidence_interval() == pytest.approx((theirs.kappa_low, theirs.kappa_upp))


def test_numbers_are_as_far_apart_as_their_values():
    # Nobody gave a 4: 3 and 5 are still two apart, as with all five categories named.
    a, b = [1, 2, 3, 5, 5, 3, 2, 1], [1, 3, 3, 5, 3, 3, 2, 2]
    seen = cohen_kappa(a, b, "quadratic").estimate
    assert seen == pytest.approx(
        cohen_kappa(a, b, "quadratic", categories=[1, 2, 3, 4, 5]).estimate
    )


def test_texts_take_their_order_from_the_categories():
    a, b = ["bad", "fair", "good", "fair"], ["bad", "good", "good", "fair"]
    by_text = cohen_kappa(a, b, "linear", categories=["bad", "fair", "good"])
    by_number = cohen_kappa([1, 2, 3, 2], [1, 3, 3, 2], "linear")
    assert by_text.estimate == pytest.approx(by_number.estimate)


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(2)
    judged, true = (np.repeat(x, 8) for x in judged_and_true(3, n=40))
    flipped = rng.random(len(judged)) < 0.02
    judged = np.where(flipped, 1 - judged, judged)
    plain = cohen_kappa(judged, true)
    clustered = cohen_kappa(judged, true, clusters=np.repeat(np.arange(40), 8), draws=2_000)
    assert clustered.estimate == plain.estimate
    assert clustered.confidence_interval().width > 2 * plain.confidence_interval().width
    assert "cluster bootstrap" in clustered.method


def test_inclusion_probabilities_undo_the_sampling():
    judged, true = judged_and_true(4, n=20_000)
    rng = np.random.default_rng(5)
    chance = np.where(judged == 1, 0.05, 0.5)  # failed verdicts are labelled ten times as often
    taken = rng.random(len(true)) < chance
    labels = np.where(taken, true, np.nan)
    whole = confusion(judged, true)
    sampled = confusion(judged, labels, inclusion_prob=chance)
    for rate in ("agreement", "prevalence", "precision", "recall", "specificity"):
        low, high = sampled[rate].confidence_interval(0.999)
        assert low < whole[rate].estimate < high, rate
    assert abs(confusion(judged, labels)["recall"].estimate - whole["recall"].estimate) > 0.1


def test_the_confusion_table_and_its_rates():
    judged, true = judged_and_true(6)
    seen = confusion(judged, true)
    assert seen.table.sum() == 400
    true_pass = ((judged == 1) & (true == 1)).sum()
    assert seen["precision"].estimate == pytest.approx(true_pass / judged.sum())
    expected = proportion((judged == true).astype(int)).confidence_interval()
    assert seen["agreement"].confidence_interval() == pytest.approx(expected)
    with pytest.raises(InvalidArgument, match="no rate 'accuracy'"):
        seen["accuracy"]


def test_alpha_of_two_complete_nominal_raters_is_near_kappa():
    judged, true = judged_and_true(7, n=600)
    alpha = krippendorff_alpha([judged, true], "nominal", draws=100).estimate
    assert alpha == pytest.approx(cohen_kappa(judged, true).estimate, abs=0.005)


def test_icc_finds_the_share_that_was_simulated():
    rng = np.random.default_rng(8)
    ratings = rng.normal(0, 2, (500, 1)) + rng.normal(0, 1, (1, 4)) * 0 + rng.normal(0, 1, (500, 4))
    low, high = icc(ratings, "2,1").confidence_interval()
    assert low < 4 / 5 < high
    assert icc(ratings, "2,k").estimate == pytest.approx(16 / 17, abs=0.02)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
def test_correlations_are_scipys(method):
    rng = np.random.default_rng(9)
    a = rng.normal(size=60)
    b = a + rng.normal(size=60)
    theirs = {
        "pearson": scipy_stats.pearsonr,
        "spearman": scipy_stats.spearmanr,
        "kendall": scipy_stats.kendalltau,
    }[method](a, b)
    ours = correlation(a, b, method)
    assert (ours.estimate, ours.pvalue) == pytest.approx((theirs.statistic, theirs.pvalue))
    clustered = correlation(a, b, method, np.arange(60), draws=1_000)
    assert clustered.confidence_interval() == pytest.approx(ours.confidence_interval(), abs=0.1)


def test_pearsons_interval_is_scipys():
    rng = np.random.default_rng(10)
    a = rng.normal(size=30)
    b = a + rng.normal(size=30)
    expected = scipy_stats.pearsonr(a, b).confidence_interval()
    assert correlation(a, b, "pearson").confidence_interval() == pytest.approx(expected)


def test_ppi_is_the_papers_formula():
    # Angelopoulos et al. (2023), equations for the mean: lambda = Cov(Y, f) / ((1 + n/N) Var f).
    judged, true = judged_and_true(11)
    n, unlabelled = 100, 300
    labels = np.where(np.arange(400) < n, true, np.nan)
    y, f, f_rest = true[:n], judged[:n], judged[n:]
    lam = np.cov(y, f, ddof=0)[0, 1] / ((1 + n / unlabelled) * f.var())
    expected = lam * f_rest.mean() + (y - lam * f).mean()
    error = np.sqrt((y - lam * f).var() / n + lam**2 * f_rest.var() / unlabelled)
    ours = corrected_rate(judged, labels)
    assert ours.estimate == pytest.approx(expected)
    assert ours.standard_error == pytest.approx(error, rel=0.02)


def test_corrections_find_the_truth_behind_a_lenient_judge():
    judged, true = judged_and_true(12, n=20_000, sensitivity=0.95, specificity=0.5)
    labels = np.where(np.random.default_rng(13).random(20_000) < 0.1, true, np.nan)
    for method in ("ppi++", "rogan-gladen"):
        result = corrected_rate(judged, labels, method=method)
        low, high = result.confidence_interval(0.999)
        assert low < true.mean() < high
        assert not low < judged.mean() < high
    assert result.details["specificity"] == pytest.approx(0.5, abs=0.05)


def test_rogan_and_gladens_formula():
    judged, true = judged_and_true(14)
    result = corrected_rate(judged, true, method="rogan-gladen")
    # With every label known, the corrected rate is the true one.
    assert result.estimate == pytest.approx(true.mean())


def test_a_judge_that_says_nothing_is_not_corrected():
    rng = np.random.default_rng(15)
    judged, true = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    with pytest.raises(InvalidArgument, match="this judge says too little to be corrected"):
        corrected_rate(judged, true, method="rogan-gladen")
    with pytest.raises(InvalidArgument, match="all labels are equal"):
        corrected_rate(judged, np.ones(200), method="rogan-gladen")


def test_labels_without_an_error_do_not_mean_certainty():
    judged = np.array([1.0, 0.0] * 100)
    labels = np.where(np.arange(200) < 10, judged, np.nan)
    low, high = corrected_rate(judged, labels).confidence_interval()
    assert high - low > proportion([1, 0] * 100).confidence_interval().width
    differences = corrected_rate(judged - 0.5, labels - 0.5)
    assert differences.confidence_interval().width > 0.3


def test_labels_of_one_template_say_nothing_of_others():
    for method in ("ppi++", "rogan-gladen"):
        one = corrected_rate([1, 0, 1, 0], [1, 0, 1, 0], ["t"] * 4, method)
        assert np.isnan(one.confidence_interval().low)
        assert any("fewer than two clusters" in note for note in one.notes)


def test_a_corrected_difference():
    judged_a, true_a = judged_and_true(16, n=3_000, passing=0.7)
    judged_b, true_b = judged_and_true(17, n=3_000, passing=0.5)
    labels = np.where(np.arange(3_000) < 600, true_a - true_b, np.nan)
    result = corrected_rate(judged_a - judged_b, labels)
    low, high = result.confidence_interval(0.999)
    assert low < (true_a - true_b).mean() < high


def test_noise_of_a_mean_falls_with_its_reviewers():
    # The variance of a mean of m independent scores is the variance of one over m.
    rng = np.random.default_rng(18)
    ratings = rng.normal(3, 1, (2_000, 5))
    for reviewers in (1, 2, 3):
        noise = consensus_noise(ratings, fmean, reviewers)
        assert noise.estimate == pytest.approx(1 / reviewers, rel=0.05)


def test_the_real_consensus_rule_can_be_asked():
    rng = np.random.default_rng(19)
    # Reviewers who are at most one point from the truth.
    ratings = rng.integers(2, 5, (200, 1)) + rng.choice([-1.0, 0, 0, 1], (200, 7))
    one, three = (
        consensus_noise(ratings, lambda s: consensus(s).score, m).estimate for m in (1, 3)
    )
    assert three < one
