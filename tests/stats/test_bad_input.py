"""Too little, constant, missing, impossible: each gets its stated result or a clear error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from polpo_lab import stats
from polpo_lab.errors import InvalidArgument

NAN = float("nan")

ONE_SAMPLE = {
    "mean": stats.mean,
    "proportion": stats.proportion,
    "bootstrap": stats.bootstrap,
}
TWO_SAMPLES = {
    "paired_difference": stats.paired_difference,
    "wilcoxon": stats.wilcoxon,
    "correlation": stats.correlation,
    "cohen_kappa": stats.cohen_kappa,
    "confusion": stats.confusion,
    "ratio": stats.ratio,
    "ratio_of_geometric_means": stats.ratio_of_geometric_means,
    "corrected_rate": stats.corrected_rate,
}


def has_no_interval(result):
    return all(np.isnan(end) for end in result.confidence_interval())


@pytest.mark.parametrize("method", ONE_SAMPLE)
def test_nothing_is_refused(method):
    with pytest.raises(InvalidArgument, match="is empty; at least one value is needed"):
        ONE_SAMPLE[method]([])


@pytest.mark.parametrize("method", ONE_SAMPLE)
def test_infinite_values_and_texts_are_refused(method):
    with pytest.raises(InvalidArgument, match="infinite"):
        ONE_SAMPLE[method]([1.0, np.inf])
    with pytest.raises(InvalidArgument, match="must be numbers"):
        ONE_SAMPLE[method](["good", "bad"])


@pytest.mark.parametrize("method", ONE_SAMPLE)
def test_all_missing_is_missing_and_says_so(method):
    result = ONE_SAMPLE[method]([NAN, NAN, NAN])
    assert np.isnan(result.estimate)
    assert result.n == 0
    assert has_no_interval(result)
    assert any("missing" in note for note in result.notes)


@pytest.mark.parametrize("method", ONE_SAMPLE)
def test_one_cluster_has_an_estimate_but_no_interval(method):
    result = ONE_SAMPLE[method]([1, 0, 1, 1], clusters=["f", "f", "f", "f"])
    assert result.estimate == 0.75
    assert has_no_interval(result)
    assert any("fewer than two clusters" in note for note in result.notes)


@pytest.mark.parametrize("method", ONE_SAMPLE)
def test_clusters_name_each_row_once(method):
    with pytest.raises(InvalidArgument, match="one cluster for each of the 3 rows"):
        ONE_SAMPLE[method]([1, 0, 1], clusters=["f", "g"])
    with pytest.raises(InvalidArgument, match="missing label"):
        ONE_SAMPLE[method]([1, 0, 1], clusters=["f", None, "g"])
    with pytest.raises(InvalidArgument, match="missing label"):
        ONE_SAMPLE[method]([1, 0, 1], clusters=[1.0, NAN, 2.0])


@pytest.mark.parametrize("method", TWO_SAMPLES)
def test_two_samples_of_one_length(method):
    with pytest.raises(InvalidArgument, match=r"2.*1|1.*2"):
        TWO_SAMPLES[method]([1, 1], [1])
    with pytest.raises(InvalidArgument, match="empty"):
        TWO_SAMPLES[method]([], [])


def test_constant_values_have_no_t_interval():
    result = stats.mean([4.0, 4.0, 4.0, 4.0], null=3.0)
    assert (result.estimate, result.standard_error) == (4.0, 0.0)
    assert has_no_interval(result)
    assert np.isnan(result.pvalue)
    assert any("no variation" in note for note in result.notes)


def test_constant_values_within_a_range_have_the_score_interval():
    # As 10 passes of 10: Wilson's lower end is n / (n + z^2).
    result = stats.mean([5.0] * 10, within=(1, 5))
    low, high = result.confidence_interval()
    assert high == 5
    assert low == pytest.approx(1 + 4 * 10 / (10 + 1.959964**2))


def test_a_constant_bootstrap_has_no_interval():
    for method in ("t", "percentile", "bca"):
        result = stats.bootstrap([2.0] * 6, method=method, draws=100)
        assert has_no_interval(result)
        assert any("draws did not vary" in note for note in result.notes)


@pytest.mark.parametrize("passed", [[1, 1, 1], [0, 0, 0]])
def test_all_or_none_passed_has_an_interval(passed):
    low, high = stats.proportion(passed).confidence_interval()
    assert high - low == pytest.approx(3.841459 / (3 + 3.841459))


def test_clusters_that_all_pass_count_once_each():
    # Korn and Graubard: at a rate of 1 the effective size is the number of clusters.
    clustered = stats.proportion([1] * 20, clusters=np.repeat(np.arange(5), 4))
    assert clustered.details["effective_n"] == 5
    plain = stats.proportion_from_counts(5, 5)
    assert clustered.confidence_interval() == pytest.approx(plain.confidence_interval())


def test_a_verdict_is_0_or_1():
    with pytest.raises(InvalidArgument, match=r"holds 0\.5; a verdict is 0, 1 or missing"):
        stats.proportion([1, 0.5])


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 2), (0, 0), (1.5, 3)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(InvalidArgument, match="counts are whole"):
        stats.proportion_from_counts(successes, n)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(InvalidArgument, match="between 0 and 1"):
        stats.mean([1, 2, 3]).confidence_interval(level)


def test_a_percentage_as_level_gets_the_near_right_thing():
    with pytest.raises(InvalidArgument, match=r"did you mean 0\.95\?"):
        stats.mean([1, 2, 3]).confidence_interval(95)


def test_a_near_miss_is_named():
    with pytest.raises(InvalidArgument, match="did you mean 'wilson'"):
        stats.proportion([1, 0], method="wilsen")


def test_values_out_of_range_are_refused():
    with pytest.raises(InvalidArgument, match="holds 6; values lie between 1 and 5"):
        stats.mean([1, 6], within=(1, 5))
    with pytest.raises(InvalidArgument, match="values lie between 0 and 1"):
        stats.adjust([0.2, 1.2])
    with pytest.raises(InvalidArgument, match="values are above 0"):
        stats.ratio_of_geometric_means([1.0, 0.0], [1.0, 2.0])


def test_more_tries_than_repeats_are_refused_with_the_templates():
    with pytest.raises(InvalidArgument, match=r"templates at 1, 3 have fewer .*use k <= 2"):
        stats.pass_at_k([5, 3, 5, 2], [1, 1, 1, 1], k=5)
    with pytest.raises(InvalidArgument, match="needs at least 3 repeats"):
        stats.pass_hat_k([2], [1], k=3)


@pytest.mark.parametrize(
    ("n", "c", "k", "says"),
    [
        ([3], [4], 1, "4 of 3 passed"),
        ([3], [1], 0, "at least 1"),
        ([NAN], [1], 1, "whole counts"),
    ],
)
def test_impossible_tries_are_refused(n, c, k, says):
    with pytest.raises(InvalidArgument, match=says):
        stats.pass_at_k(n, c, k)


def test_missing_values_of_pandas_are_understood():
    nullable = pd.Series([True, False, None, True], dtype="boolean")
    result = stats.proportion(nullable)
    assert (result.estimate, result.n) == (pytest.approx(2 / 3), 3)
    assert stats.cohen_kappa(["a", "b", pd.NA, "b"], ["a", "b", "b", None]).n == 2


def test_what_is_missing_shows_what_it_could_have_changed():
    result = stats.proportion([1, 0, 1, NAN, 1])
    assert result.details["if_missing_failed"] == pytest.approx(3 / 5)
    assert result.details["if_missing_passed"] == pytest.approx(4 / 5)
    compared = stats.paired_difference([1, 1, 1, NAN, 1], [0, 1, 0, 1, 1])
    assert (compared.details["if_missing_low"], compared.details["if_missing_high"]) == (
        pytest.approx((4 - 3) / 5),
        pytest.approx((5 - 3) / 5),
    )
    assert any("have no pair" in note for note in compared.notes)


def test_raters_who_never_differ_and_labels_that_never_vary():
    agreed = stats.cohen_kappa([1, 2, 1, 2], [1, 2, 1, 2])
    assert agreed.estimate == 1
    assert has_no_interval(agreed)
    same = stats.cohen_kappa([1, 1, 1], [1, 1, 1])
    assert np.isnan(same.estimate)
    assert any("not defined" in note for note in same.notes)
    assert np.isnan(stats.krippendorff_alpha([[3, 3, 3], [3, 3, 3]]).estimate)
    assert np.isnan(stats.fleiss_kappa([[3, 0], [3, 0]]).estimate)
    assert np.isnan(stats.icc([[2, 2], [2, 2]]).estimate)
    assert np.isnan(stats.correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]).estimate)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: stats.cohen_kappa([1], [2], categories=[1]), "not in categories"),
        (lambda: stats.cohen_kappa(["a"], ["b"], "linear"), "pass categories"),
        (lambda: stats.cohen_kappa([1], ["b"]), "mix numbers and texts"),
        (lambda: stats.krippendorff_alpha([[1, 2]]), "two or more"),
        (lambda: stats.fleiss_kappa([[3, 0], [2, 0]]), "Use krippendorff_alpha"),
        (lambda: stats.icc([[1], [2]]), "two or more"),
        (lambda: stats.mcnemar([[1, 2, 3]]), "2 x 2"),
        (lambda: stats.mcnemar([[0.5, 1], [1, 1]]), "whole counts"),
        (lambda: stats.simultaneous([[1], [2]]), "two or more"),
        (lambda: stats.simultaneous([[1, 2]], contrasts=5), "the baseline is 0 to 1"),
        (lambda: stats.simultaneous([[1, 2]], contrasts=[[1, 1]]), "sum to 0"),
        (lambda: stats.simultaneous([[1, 2]], names=["a", "a"]), "of its own"),
        (lambda: stats.equivalence([1, 2], [2, 1], margin=0), "above 0"),
        (lambda: stats.equivalence([1, 2], [2, 1], margin=1, alpha=0.5), "between 0 and 0.5"),
        (lambda: stats.power(0, stats.PairedVariances(1.0)), "not 0"),
        (lambda: stats.power(1, stats.PairedVariances(-1.0)), "0 or more"),
        (lambda: stats.power(1, ([1], [2])), "2 are needed"),
        (lambda: stats.variance_components(np.ones((1, 2, 3))), "two or more"),
        (lambda: stats.corrected_rate([1, 0], [NAN, 1]), "two or more are needed"),
        (lambda: stats.ratio([-1, 2], [1, 1]), "values lie between 0"),
        (lambda: stats.friedman([[1, 2], [2, 1]]), "three conditions"),
        (lambda: stats.pareto_front([[1, 2]], [[1, 2, 3]]), "they are one"),
        (lambda: stats.bootstrap([1, 2], lambda rows: rows), "it returns one number"),
        (lambda: stats.bootstrap([1, 2], "median"), "neither 'mean' nor a function"),
        (lambda: stats.bootstrap([1, 2], draws=10), "at least 100"),
        (lambda: stats.paired_difference([1, 0], [0, 1], ["f", "g"], method="tango"), "method='t'"),
        (lambda: stats.consensus_noise([[1, 2]], max, 2), "no item has more scores"),
    ],
)
def test_a_wrong_argument_is_named(call, says):
    with pytest.raises(InvalidArgument, match=says):
        call()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: stats.mean(pd.date_range("2026", periods=3)), "they are datetime64"),
        (lambda: stats.mean(np.array([1j, 2])), "they are complex128"),
        (lambda: stats.mean(pd.Categorical(["a", "b"])), "must be numbers"),
        (lambda: stats.mean([1, 2], clusters=[["f"], ["f", "g"]]), "one label for each row"),
        (lambda: stats.mean([1, 2], within=(0, 1, 2)), "the lowest value, then the highest"),
        (lambda: stats.mean([1, 2], within="12"), "the lowest value, then the highest"),
        (lambda: stats.mean([1, 2], null="0"), "null='0' must be a number"),
        (lambda: stats.mean([1, 2]).confidence_interval("95%"), "such as 0.95"),
        (lambda: stats.bootstrap([1, 2, 3], draws="many"), "draws='many' must be a number"),
        (lambda: stats.bootstrap([1, 2, 3], seed="s"), "seed='s' must be a whole number"),
        (lambda: stats.simultaneous(np.eye(9), seed=-1), "seed=-1 must be a whole number, 0"),
        (lambda: stats.pass_at_k([5], [2], None), "k=None must be a number"),
        (lambda: stats.pass_at_k([5], [2], 1.5), "k=1.5 must be a whole number"),
        (lambda: stats.pass_at_k([5, 5], [1, 2, 3], 1), "n has 2 templates and c 3"),
        (lambda: stats.proportion_from_counts(None, 5), "successes=None must be a number"),
        (lambda: stats.proportion_from_counts(NAN, 5), "counts are whole"),
        (lambda: stats.equivalence([1, 2], [2, 1], margin="5%"), "margin='5%' must be a number"),
        (lambda: stats.power("5%", stats.PairedVariances(1.0)), "detect='5%' must be a number"),
        (lambda: stats.power(1, stats.PairedVariances(1.0), repeats=1.5), "whole number"),
        (lambda: stats.power(1, stats.PairedVariances(1.0), repeats=(1, 2, 3)), "or two"),
    ],
)
def test_what_is_of_another_type_is_named(call, says):
    with pytest.raises(InvalidArgument, match=says):
        call()


def test_masked_values_are_missing():
    result = stats.mean(np.ma.masked_array([1.0, 50.0, 3.0], mask=[False, True, False]))
    assert (result.estimate, result.n) == (2, 2)


def test_the_same_template_twice_belongs_to_one_cluster():
    # Duplicated rows are not new evidence once their template is their cluster.
    values, templates = [1.0, 0.0, 1.0, 0.0, 1.0], list("abcde")
    once = stats.mean(values, templates)
    twice = stats.mean(values * 2, templates * 2)
    assert twice.n_clusters == 5
    assert twice.standard_error == pytest.approx(once.standard_error)
