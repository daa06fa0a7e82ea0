"""Calibration of scores: shares by score, with the intervals an independent library gives."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import calibration, proportion

SCORES = np.array([1, 1.4, 2, 2, 2.5, 3, 4, 4, 5, 5, 5, 5])
LABELS = np.array([0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0])


def test_shares_and_intervals_by_whole_score():
    seen = calibration(SCORES, LABELS)
    bins = [SCORES < 1.5, (SCORES >= 1.5) & (SCORES < 2.5), (SCORES >= 2.5) & (SCORES < 3.5),
            (SCORES >= 3.5) & (SCORES < 4.5), SCORES >= 4.5]  # fmt: skip
    assert seen.n == 12
    for rate, score, among in zip(seen.rates, seen.scores, bins, strict=True):
        passed, n = LABELS[among].sum(), among.sum()
        assert (rate.estimate, rate.n) == (passed / n, n)
        assert score == pytest.approx(SCORES[among].mean())
        expected = proportion_confint(passed, n, method="wilson")
        assert rate.confidence_interval() == pytest.approx(expected, abs=1e-12)


def test_the_highest_edge_belongs_to_the_last_bin():
    seen = calibration([0.0, 0.5, 1.0], [0, 1, 1], edges=[0, 0.5, 1])
    assert [rate.n for rate in seen.rates] == [1, 2]


def test_a_score_that_was_not_given_is_missing_not_zero():
    frame = calibration([1, 5], [0, 1]).to_frame()
    assert frame["estimate"].isna().tolist() == [False, True, True, True, False]
    assert frame["n"].tolist() == [1, 0, 0, 0, 1]
    assert "missing" in repr(calibration([1, 5], [0, 1]))


def test_what_is_missing_is_left_out_and_said():
    seen = calibration([1, np.nan, 5, 5], [0, 1, np.nan, 1])
    assert seen.n == 2
    assert seen.notes == ("2 of 4 items lack a score or a label, left out",)


def test_clusters_and_weights_reach_the_rates():
    clusters = np.repeat(["a", "b", "c"], 4)
    scores = np.full(12, 5.0)
    chance = np.where(LABELS == 1, 0.5, 1.0)
    seen = calibration(scores, LABELS, clusters, inclusion_prob=chance)
    expected = proportion(LABELS, clusters, weights=1 / chance)
    assert seen.rates[-1].estimate == expected.estimate
    assert seen.rates[-1].confidence_interval() == expected.confidence_interval()
    assert seen.rates[-1].n_clusters == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1, 2], [1]), "2 and 1 rows"),
        (([1, 7], [1, 0]), "score 7 lies outside of edges 0.5 to 5.5"),
        (([1, 2], [1, 3]), "3"),
        (([], []), "empty"),
    ],
)
def test_what_is_impossible_is_refused(arguments, said):
    with pytest.raises(InvalidArgument, match=said):
        calibration(*arguments)


def test_edges_rise():
    with pytest.raises(InvalidArgument, match="numbers that rise"):
        calibration([1, 2], [0, 1], edges=[3, 2, 1])
    with pytest.raises(InvalidArgument, match="inclusion_prob is above 0"):
        calibration([1, 2], [0, 1], inclusion_prob=[0, 1])
