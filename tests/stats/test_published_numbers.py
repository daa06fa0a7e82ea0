"""Every published number, to the printed digit, with where it was printed."""

from __future__ import annotations

import numpy as np
import pytest

from polpo_lab import stats

NAN = np.nan


def as_labels(table):
    """Spell a table of counts out as two raters' labels."""
    counts = np.asarray(table)
    rows, columns = np.indices(counts.shape)
    return np.repeat(rows.ravel(), counts.ravel()), np.repeat(columns.ravel(), counts.ravel())


# Krippendorff (2011), Computing Krippendorff's alpha-reliability; the matrix as in the manual of
# R's irr::kripp.alpha: 4 observers, 12 units.
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


@pytest.mark.parametrize(
    ("level", "alpha"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_krippendorff_alpha(level, alpha):
    assert round(stats.krippendorff_alpha(KRIPPENDORFF, level, draws=100).estimate, 3) == alpha


def test_fleiss_kappa():
    # Fleiss (1971); the worked example of Wikipedia, "Fleiss' kappa": 10 subjects, 14 raters.
    counts = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    assert round(stats.fleiss_kappa(counts, draws=100).estimate, 3) == 0.210


@pytest.mark.parametrize(
    ("table", "kappa", "digits"),
    [
        # Wikipedia, "Cohen's kappa": the simple example, and the two with the same agreement.
        ([[20, 5], [10, 15]], 0.40, 2),
        ([[45, 15], [25, 15]], 0.1304, 4),
        ([[25, 35], [5, 35]], 0.2593, 4),
    ],
)
def test_cohen_kappa(table, kappa, digits):
    assert round(stats.cohen_kappa(*as_labels(table)).estimate, digits) == kappa


@pytest.mark.parametrize(
    ("weights", "kappa"), [(None, 0.1293), ("linear", 0.2374), ("quadratic", 0.3320)]
)
def test_weighted_kappa(weights, kappa):
    # R, package vcd: Kappa(SexualFun), after Agresti (1990).
    table = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
    assert round(stats.cohen_kappa(*as_labels(table), weights).estimate, 4) == kappa


def test_mcnemar():
    # Agresti (1990) p. 350, approval of the president; printed by R's mcnemar.test.
    table = [[794, 86], [150, 570]]
    corrected = stats.mcnemar(table, "corrected")
    assert round(corrected.details["statistic"], 3) == 16.818
    assert f"{corrected.pvalue:.3e}" == "4.115e-05"
    # R, package exact2x2: mcnemar.exact on the same table.
    assert f"{stats.mcnemar(table, 'exact').pvalue:.3e}" == "3.716e-05"


def test_mid_p_and_tangos_interval():
    # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, chapter 8, as
    # the tests of R's package contingencytables print it: cavo_2012.
    table = [[59, 6], [16, 80]]
    result = stats.mcnemar(table)
    assert round(result.pvalue, 6) == 0.034690
    assert round(stats.mcnemar(table, "exact").pvalue, 6) == 0.052479
    assert round(stats.mcnemar(table, "asymptotic").pvalue, 6) == 0.033006
    assert [round(end, 4) for end in result.confidence_interval()] == [-0.1240, -0.0054]


def test_tangos_interval_of_a_small_table():
    # Fagerland et al. (2014), Recommended tests and confidence intervals for paired binomial
    # proportions, table IV: airway hyper-responsiveness of Bentur et al. (2009).
    low, high = stats.mcnemar([[1, 1], [7, 12]]).confidence_interval()
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


@pytest.mark.parametrize(
    ("passed", "n", "wilson", "exact"),
    [
        # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I.
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_intervals_of_a_pass_rate(passed, n, wilson, exact):
    verdicts = [1] * passed + [0] * (n - passed)
    for rate in (stats.proportion_from_counts(passed, n), stats.proportion(verdicts)):
        assert tuple(round(end, 4) for end in rate.confidence_interval()) == wilson
    rate = stats.proportion_from_counts(passed, n, "clopper-pearson")
    assert tuple(round(end, 4) for end in rate.confidence_interval()) == exact


def test_newcombes_difference():
    # Newcombe (1998), Interval estimation for the difference, table II (a), method 10.
    result = stats.difference([1] * 56 + [0] * 14, [1] * 48 + [0] * 32)
    assert [round(end, 4) for end in result.confidence_interval()] == [0.0524, 0.3339]


def test_holm():
    # Wikipedia, "Holm-Bonferroni method", the worked example.
    assert stats.adjust([0.01, 0.04, 0.03, 0.005]).round(6).tolist() == [0.03, 0.06, 0.06, 0.02]


@pytest.mark.parametrize(("method", "rejected"), [("bh", 4), ("holm", 3), ("bonferroni", 3)])
def test_benjamini_and_hochberg(method, rejected):
    # Benjamini and Hochberg (1995), section 4.1: 15 p-values of a trial of thrombolysis.
    pvalues = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    pvalues += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (stats.adjust(pvalues, method) <= 0.05).sum() == rejected


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        # Chen et al. (2021), the estimator of section 2.1, evaluated exactly.
        (200, 5, 10, 0.228284),
        (200, 20, 10, 0.660226),
        (5, 2, 2, 0.7),
        (10, 3, 5, 0.916667),
    ],
)
def test_pass_at_k(n, c, k, expected):
    assert round(stats.pass_at_k(n, c, k).estimate, 6) == expected


@pytest.mark.parametrize(
    ("noise", "repeats", "templates"), [(0, 1, 969), (1 / 6, 1, 3876), (1 / 6, 10, 1260)]
)
def test_power_in_millers_form(noise, repeats, templates):
    # Miller (2024), section 5: w^2 = 1/9, 80% power at 5% to find 3 points.
    known = stats.PairedVariances(1 / 9, noise, noise)
    assert stats.power(0.03, known, repeats=repeats, method="normal").estimate == templates


# Student's sleep data, R's `sleep`: extra hours under two drugs, 10 patients.
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_paired_t():
    result = stats.paired_difference(SLEEP_1, SLEEP_2)
    assert round(result.estimate / result.standard_error, 4) == -4.0621
    assert round(result.df, 9) == 9
    assert round(result.pvalue, 6) == 0.002833
    # R: t.test(extra ~ group, data = sleep, paired = TRUE) prints this interval.
    low, high = result.confidence_interval()
    assert (round(low, 7), round(high, 7)) == (-2.4598858, -0.7001142)


def test_unpaired_t():
    # R: t.test(extra ~ group, data = sleep), Welch: t = -1.8608, df = 17.776, p = 0.07939.
    result = stats.difference(SLEEP_1, SLEEP_2)
    assert round(result.estimate / result.standard_error, 4) == -1.8608
    assert round(result.df, 3) == 17.776
    assert round(result.pvalue, 5) == 0.07939


# Shrout and Fleiss (1979), table 2: 6 targets, 4 judges.
SHROUT_FLEISS = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
]


@pytest.mark.parametrize(
    ("form", "expected", "low", "high"),
    [
        # Their table 4; intervals as R's psych::ICC prints them for these data.
        ("1,1", 0.17, -0.133, 0.72),
        ("2,1", 0.29, 0.019, 0.76),
        ("3,1", 0.71, 0.342, 0.95),
        ("1,k", 0.44, -0.884, 0.91),
        ("2,k", 0.62, 0.071, 0.93),
        ("3,k", 0.91, 0.676, 0.99),
    ],
)
def test_intraclass_correlations(form, expected, low, high):
    result = stats.icc(SHROUT_FLEISS, form)
    assert round(result.estimate, 2) == expected
    ends = result.confidence_interval()
    assert (round(ends.low, 3), round(ends.high, 2)) == (low, high)


def test_friedman_and_nemenyi():
    # Demsar (2006), table 6: AUC of four classifiers on 14 data sets; chi2 9.28, CD 1.25.
    auc = [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
    ranked = stats.friedman(auc, ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"])
    assert ranked.mean_ranks.round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    # His chi2 has no correction for the ties; R's and scipy's has.
    k, n = 4, 14
    uncorrected = 12 * n / (k * (k + 1)) * ((ranked.mean_ranks**2).sum() - k * (k + 1) ** 2 / 4)
    assert round(uncorrected, 2) == 9.28
    assert round(ranked.critical_difference(), 2) == 1.25


def test_signed_ranks():
    # Hollander and Wolfe (1973), 29f: depression; R's wilcox.test(x, y, paired = TRUE,
    # conf.int = TRUE) prints p = 0.03906, (pseudo)median 0.46, interval 0.010 to 0.786.
    x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    result = stats.wilcoxon(x, y)
    assert round(result.pvalue, 5) == 0.03906
    assert round(result.estimate, 3) == 0.460
    assert [round(end, 3) for end in result.confidence_interval()] == [0.010, 0.786]
