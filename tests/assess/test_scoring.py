"""The rules of scoring, by published numbers, by properties and by truth tables."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polpo_lab.assess.scoring import combine, consensus, round_half_up, task_score, verdict
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import DEFAULT_DIMENSIONS, Check, Outcome

scores = st.lists(st.integers(1, 5), min_size=1, max_size=9)


# Polpo's rule, measured on its open-source server 0.6.18 (5,4,2; 5,1,1; 4,2,2; 4,3,3) and
# worked out from its description (5,2 and 5,1).
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([5, 4, 2], 5),
        ([5, 1, 1], 1),
        ([4, 2, 2], 2),
        ([4, 3, 3], 3),
        ([5, 2], 4),
        ([5, 1], 3),
        ([2], 2),
    ],
)
def test_consensus_of_published_cases(given, expected):
    assert consensus(given).score == expected


def test_consensus_says_which_scores_counted():
    assert consensus([5, 4, 2]).kept == (True, True, False)
    assert consensus([5, 1]).kept == (True, True)  # all were too far off, so all count


@pytest.mark.parametrize(("given", "flagged"), [([3, 4], False), ([3, 5], True), ([4], False)])
def test_disagreement_is_a_spread_above_one_and_a_half(given, flagged):
    assert consensus(given).disagreement is flagged


@given(scores, st.randoms())
def test_consensus_does_not_depend_on_the_order_of_reviewers(values, random):
    shuffled = values[:]
    random.shuffle(shuffled)
    assert consensus(shuffled).score == consensus(values).score


@given(scores)
def test_consensus_lies_between_the_lowest_and_the_highest(values):
    assert min(values) <= consensus(values).score <= max(values)


@given(st.integers(1, 5), st.integers(1, 9))
def test_agreeing_reviewers_get_what_they_say(score, count):
    result = consensus([score] * count)
    assert result.score == score
    assert all(result.kept)
    assert not result.disagreement


@given(scores)
def test_a_dropped_score_is_more_than_one_and_a_half_from_the_median(values):
    middle = sorted(values)[(len(values) - 1) // 2], sorted(values)[len(values) // 2]
    centre = sum(middle) / 2
    for value, kept in zip(values, consensus(values).kept, strict=True):
        if not kept:
            assert abs(value - centre) > 1.5


@pytest.mark.parametrize("values", [[], [0], [5, 6], [math.nan]])
def test_consensus_refuses_what_is_no_score(values):
    with pytest.raises(InvalidArgument):
        consensus(values)


@pytest.mark.parametrize(("value", "whole"), [(2.5, 3), (3.5, 4), (3.6, 4), (2.6, 3), (3.4, 3)])
def test_halves_are_rounded_upwards(value, whole):
    assert round_half_up(value) == whole


def test_combine_is_the_weighted_mean():
    # (5 x .35 + 4 x .30 + 3 x .20 + 1 x .15) / 1.00
    weights = [d.weight for d in DEFAULT_DIMENSIONS]
    assert combine(zip([5, 4, 3, 1], weights, strict=True)) == pytest.approx(3.70)


def test_combine_clamps_scores():
    assert combine([(9, 1), (-2, 1)]) == 3.0


@given(st.integers(1, 5), st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_equal_scores_combine_to_themselves_whatever_the_weights(score, weights):
    assert combine((score, weight) for weight in weights) == score


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(1e-6, 1e6)), min_size=1))
def test_a_combined_score_is_within_range(pairs):
    assert 1 <= combine(pairs) <= 5


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_combine_refuses_a_weight_that_is_none(weight):
    with pytest.raises(InvalidArgument, match="weight"):
        combine([(3, weight)])


def test_task_score_is_the_weighted_mean_of_the_gate():
    checks = [
        Check(score=5, weight=3),
        Check(score=1, weight=1, required=False),
        Check(score=1, weight=100, role="outcome"),
    ]
    assert task_score(checks) == 4.0


def test_a_missing_score_makes_the_task_score_missing():
    assert task_score([Check(score=5), Check(score=None)]) is None
    assert task_score([Check(score=5), Check(score=None, role="outcome")]) == 5


def test_without_gate_checks_there_is_no_score():
    assert task_score([]) is None
    assert task_score([Check(score=5, role="outcome")]) is None


@pytest.mark.parametrize(("a", "b", "c"), list(product([True, False, None], repeat=3)))
def test_the_verdict_is_kleenes_conjunction(a, b, c):
    expected = False if False in (a, b, c) else None if None in (a, b, c) else True
    checks = [Check(passed=a), Check(passed=b)]
    assert verdict(checks, [Outcome(type="file", passed=c)], ended_well=True) is expected


@pytest.mark.parametrize("passed", [True, None, False])
def test_an_agent_that_did_not_end_well_has_not_passed(passed):
    assert verdict([Check(passed=passed)], [], ended_well=False) is False


def test_without_expectations_the_agents_own_end_decides():
    assert verdict([], [], ended_well=True) is True
    assert verdict([], [], ended_well=False) is False


@pytest.mark.parametrize("passed", [False, None])
def test_what_is_not_required_or_counted_apart_has_no_part_in_the_verdict(passed):
    checks = [
        Check(passed=True),
        Check(passed=passed, required=False),
        Check(passed=passed, role="outcome"),
    ]
    outcomes = [Outcome(type="file", passed=passed, required=False)]
    assert verdict(checks, outcomes, ended_well=True) is True
