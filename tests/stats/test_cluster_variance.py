"""CR2 and its degrees of freedom against their definition; CR1 against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from polpo_lab.stats import mean, paired_difference, proportion


def by_definition(values, clusters):
    """Bell and McCaffrey's CR2 of a regression on a constant, with matrices as they define it."""
    x = np.ones((len(values), 1))
    hat = x @ np.linalg.inv(x.T @ x) @ x.T
    residual_maker = np.eye(len(values)) - hat
    pulls = []
    for label in np.unique(clusters):
        own = clusters == label
        inner, vectors = np.linalg.eigh(np.eye(own.sum()) - hat[np.ix_(own, own)])
        root = vectors @ np.diag(inner**-0.5) @ vectors.T
        pulls.append((x[own].T @ root @ residual_maker[own])[0] / len(values))
    pulls = np.array(pulls)
    variance = ((pulls @ values) ** 2).sum()
    products = pulls @ pulls.T
    return np.sqrt(variance), np.trace(products) ** 2 / (products**2).sum()


@given(
    st.lists(st.integers(1, 8), min_size=2, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_cr2_is_its_definition(sizes, seed):
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    values = np.random.default_rng(seed).normal(size=len(clusters))
    error, df = by_definition(values, clusters)
    result = mean(values, clusters)
    assert result.standard_error == pytest.approx(error, rel=1e-9)
    assert result.df == pytest.approx(df, rel=1e-9)


def test_cr1_and_cr0_are_those_of_statsmodels():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(9), [3, 1, 4, 1, 5, 9, 2, 6, 5])
    values = rng.normal(size=9)[clusters] + rng.normal(size=len(clusters))
    for estimator, correction in (("CR0", False), ("CR1", True)):
        fitted = sm.OLS(values, np.ones(len(values))).fit(
            cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": correction}
        )
        # statsmodels' correction is C / (C - 1) times (n - 1) / (n - k), and k is 1 here.
        error = mean(values, clusters, estimator=estimator).standard_error
        assert error == pytest.approx(fitted.bse[0])


def test_balanced_clusters_make_cr2_equal_cr1():
    rng = np.random.default_rng(4)
    clusters = np.repeat(np.arange(12), 5)
    values = rng.normal(size=60)
    cr2, cr1 = (mean(values, clusters, estimator=e) for e in ("CR2", "CR1"))
    assert cr2.standard_error == pytest.approx(cr1.standard_error)
    assert cr2.df == pytest.approx(11)


def test_without_clusters_it_is_students_t():
    values = np.random.default_rng(5).normal(3, 2, 25)
    result = mean(values, null=2.5)
    tested = scipy_stats.ttest_1samp(values, 2.5)
    assert result.pvalue == pytest.approx(tested.pvalue)
    assert result.confidence_interval(0.9) == pytest.approx(tested.confidence_interval(0.9))


def test_repeats_are_averaged_within_their_template():
    scores = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0], [2.0, 2.0, 2.0]])
    result = mean(scores)
    assert result.estimate == pytest.approx((2 + 5 + 2) / 3)
    assert result.n == 8
    assert "1 of 9 planned values are missing, left out" in result.notes


def test_few_clusters_are_said_with_a_sign_flip_test_beside():
    clusters = np.repeat(list("abcde"), 4)
    values = np.random.default_rng(6).normal(1, 1, 20)
    result = mean(values, clusters, null=0)
    note = next(note for note in result.notes if "only 5 clusters" in note)
    # All flips of five clusters: p is a multiple of 1 / 16.
    assert f"sign-flip (wild cluster) p = {result.sensitivity_pvalue:.4g}" in note
    assert result.sensitivity_pvalue * 16 == pytest.approx(round(result.sensitivity_pvalue * 16))


def test_the_sign_flip_test_is_scipys_permutation_test():
    differences = np.random.default_rng(7).normal(0.5, 1, 9)
    ours = paired_difference(differences, np.zeros(9)).sensitivity_pvalue
    theirs = scipy_stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert ours == pytest.approx(theirs.pvalue)


def test_weights_that_are_equal_change_nothing():
    passed = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 1])
    clusters = np.repeat(np.arange(5), 2)
    plain, weighted = proportion(passed, clusters), proportion(passed, clusters, weights=[3] * 10)
    assert weighted.estimate == plain.estimate
    assert weighted.confidence_interval() == pytest.approx(plain.confidence_interval())


def test_weights_are_those_of_a_weighted_mean():
    passed, weights = np.array([1, 0, 1, 1, 0]), np.array([1.0, 2.0, 4.0, 1.0, 2.0])
    assert proportion(passed, weights=weights).estimate == pytest.approx(
        np.average(passed, weights=weights)
    )
