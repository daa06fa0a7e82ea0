"""Recommendations: the rule, the choice, what is undecided, and how sure it all is."""

from __future__ import annotations

import pytest

from polpo_lab.analysis.policies import PolicyAnalysis, policies
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.conditions import Policy
from tests.analysis.policy_frames import Told, frames

POLICIES = {"once": Policy(), "thrice": Policy(max_retries=2), "fixing": Policy(fixes=1)}


def solved(policy: str, count: int, *, cost: float, of: int = 40) -> list[Told]:
    return [
        Told(f"t{n:02d}", ("++" if n < count else "-.",), policy=policy, cost=cost)
        for n in range(of)
    ]


def analysed(*parts: list[Told], **options) -> PolicyAnalysis:
    told = [each for part in parts for each in part]
    return policies(**frames(told, **options), policies=POLICIES)


@pytest.fixture(scope="module")
def clear() -> PolicyAnalysis:
    return analysed(
        solved("once", 10, cost=1.0), solved("fixing", 30, cost=2.0), solved("thrice", 31, cost=9.0)
    )


def test_the_most_solved_within_the_cost(clear):
    choice = clear.recommend(max_cost=3.0)
    assert choice.choice == ("a", "fixing", "own")
    assert choice.chance > 0.99
    assert choice.undecided == ()
    assert choice.sentence.startswith("Take a · fixing · own: of the conditions whose mean cost")
    for figure in ("0.75", "95% CI", "n = 40 templates", "2 of 3 are admissible", "resamplings"):
        assert figure in choice.sentence


def test_the_cheapest_that_reaches_the_rate(clear):
    choice = clear.recommend(min_pass=0.2)
    assert choice.choice == ("a", "once", "own")
    assert 0.5 < choice.chance < 1
    assert any("whether a · once · own keeps to the limit of 0.2" in u for u in choice.undecided)


def test_what_the_data_cannot_tell_apart_is_called_undecided(clear):
    choice = clear.recommend(max_cost=10.0)
    assert choice.choice == ("a", "thrice", "own")
    assert len(choice.undecided) == 1
    assert choice.undecided[0].startswith("a · fixing · own (share of solved tasks -0.025 against")
    frame = choice.to_frame().set_index("policy")
    assert frame["chosen"].to_dict() == {"once": False, "fixing": False, "thrice": True}
    assert frame["chance_best"].sum() == pytest.approx(1)


def test_equal_solved_is_decided_by_the_cost():
    choice = analysed(solved("once", 20, cost=2.0), solved("thrice", 20, cost=1.0)).recommend(
        max_cost=5.0
    )
    assert (choice.choice, choice.chance) == (("a", "thrice", "own"), 1)


def test_when_nothing_keeps_to_the_limit_the_nearest_is_named(clear):
    choice = clear.recommend(min_pass=0.99)
    assert choice.choice is None
    assert choice.sentence.startswith("No condition has a share of solved tasks of at least 0.99")
    assert "the nearest is a · thrice · own with 0.775" in choice.sentence


def test_with_gates_only_the_sentence_speaks_of_accepted_tasks():
    blind = analysed(solved("once", 10, cost=1.0), solved("thrice", 30, cost=2.0), outcome=False)
    assert "share of accepted tasks" in blind.recommend(max_cost=3.0).sentence


def test_a_condition_of_unknown_cost_is_left_aside_and_said(clear):
    unknown = [Told(f"t{n:02d}", ("++",), policy="thrice", cost=None) for n in range(40)]
    choice = analysed(solved("once", 10, cost=1.0), unknown).recommend(max_cost=3.0)
    assert choice.choice == ("a", "once", "own")
    assert any("cost of a · thrice · own is not known" in note for note in choice.warnings)
    with pytest.raises(InvalidArgument, match="no condition's cost is known"):
        analysed(unknown).recommend(max_cost=3.0)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "give one limit"),
        ({"max_cost": 1.0, "min_pass": 0.5}, "give one limit"),
        ({"max_cost": 0.0}, "max_cost=0.0"),
        ({"max_cost": float("nan")}, "max_cost=nan"),
        ({"min_pass": 80}, r"did you mean 0.8\?"),
        ({"min_pass": -0.1}, "between 0 and 1"),
        ({"max_cost": "1"}, "max_cost='1' must be a number"),
        ({"min_pass": True}, "min_pass=True must be a number"),
        ({"max_cost": 3.0, "seed": "x"}, "seed='x' must be a whole number"),
    ],
)
def test_impossible_limits_are_refused(clear, limits, message):
    with pytest.raises(InvalidArgument, match=message):
        clear.recommend(**limits)


def test_criteria_are_never_pooled(clear):
    told = frames(solved("once", 10, cost=1.0) + solved("thrice", 30, cost=2.0))
    told["tasks"]["criteria"] = ["own"] * 40 + ["strict"] * 40
    mixed = policies(**told, policies=POLICIES)
    assert set(mixed.fronts) == {"own", "strict"}
    with pytest.raises(InvalidArgument, match="choose one by criteria=, of 'own', 'strict'"):
        mixed.recommend(max_cost=3.0)
    assert mixed.recommend(max_cost=3.0, criteria="strict").choice == ("a", "thrice", "strict")


def test_the_seed_is_printed_and_repeats_the_chances(clear):
    first, again = (clear.recommend(max_cost=10.0, seed=5) for _ in range(2))
    assert first.to_frame().equals(again.to_frame())
    assert "seed = 5" in repr(first)


def test_shares_near_one_have_an_interval_that_keeps_below_it():
    """Two repeats of each template: shares of 0, a half and 1."""
    told = [
        Told(
            f"t{n:02d}",
            ("++" if n or repeat > 1 else "-.",),
            policy="once",
            cost=1.0,
            repeat=repeat,
        )
        for n in range(20)
        for repeat in (1, 2)
    ]
    (candidate,) = analysed(told).recommend(max_cost=2.0).candidates
    low, high = candidate.quality.confidence_interval()
    assert low < candidate.quality.estimate < high <= 1
