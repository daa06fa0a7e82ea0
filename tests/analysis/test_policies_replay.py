"""The three honest kinds of replay, worked out by hand; and what is refused, with its reason."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from polpo_lab.analysis.policies import PolicyAnalysis, policies
from polpo_lab.analysis.policies.pool import pooled
from polpo_lab.errors import InvalidArgument, NotReplayable
from polpo_lab.experiments.conditions import Policy
from polpo_lab.stats import pass_at_k
from tests.analysis.policy_frames import Told, frames

HANDING_OVER = Policy(max_retries=1, retry_policy={"fallback_agent": "b"})
POLICIES = {
    "once": Policy(),
    "thrice": Policy(max_retries=2),
    "fixing": Policy(fixes=1),
    "handing over": HANDING_OVER,
}


def analysed(trials: list[Told], **options) -> PolicyAnalysis:
    return policies(**frames(trials, **options), policies=POLICIES)


# ------------------------------------------------------------------ exact


def test_a_longer_run_is_cut_where_the_shorter_policy_would_have_stopped():
    long = analysed(
        [
            Told("t1", ("++",), policy="thrice", cost=1.0),
            Told("t2", ("-.", "++"), policy="thrice", cost=2.0),
            Told("t3", ("-.", "-.", "++"), policy="thrice", cost=3.0),
            Told("t4", ("-.", "-.", "-."), policy="thrice", cost=4.0),
        ]
    )
    twice = long.replay(Policy(max_retries=1))
    assert twice.kind == "exact"
    assert twice.figure("solved").estimate == 2 / 4
    assert twice.figure("cost").estimate == (1 + 4 + 6 + 8) / 4
    assert twice.figure("tries").estimate == 7 / 4
    assert twice.figure("cost_per_solved").estimate == 19 / 2
    assert math.isnan(twice.figure("judge_cost").estimate)  # told of whole tasks only


def test_a_cut_off_trial_tells_all_that_the_shorter_policy_asks():
    """Interrupted in its third attempt, it still says what two attempts gave."""
    trials = [Told(f"t{n}", ("-.", "++"), policy="thrice") for n in range(5)]
    trials.append(Told("t5", ("-.", "-.", "?"), policy="thrice"))
    long = analysed(trials)
    assert long.figure("solved").n == 5
    twice = long.replay(Policy(max_retries=1)).figure("solved")
    assert (twice.estimate, twice.n) == (5 / 6, 6)


def test_the_prefix_of_an_escalation_is_exact_too():
    handing = [Told(f"t{n}", ("-.", "++"), policy="handing over") for n in range(4)]
    once = analysed(handing).replay(Policy())
    assert (once.kind, once.figure("solved").estimate) == ("exact", 0)


def test_a_policy_that_was_run_is_its_own_replay():
    run = analysed([Told(f"t{n}", ("-.", "++"), policy="thrice") for n in range(4)])
    again = run.replay("thrice")
    assert again.kind == "exact"
    assert again.figure("solved").estimate == run.figure("solved").estimate


def test_a_changed_agent_is_refused():
    trials = [Told(f"t{n}", ("-.", "++"), policy="thrice") for n in range(4)]
    trials.append(Told("t9", ("++",), policy="thrice", fields={"agent_version": "2"}))
    changed = analysed(trials)
    assert any("the agent changed, it ran as 1, 2" in note for note in changed.warnings)
    with pytest.raises(NotReplayable, match="ran as 2 versions"):
        changed.replay(Policy(max_retries=1))


# ------------------------------------------------------------------ exchangeable

FIVE_TRIES = {"t1": "++++-", "t2": "+----", "t3": "-----"}  # gate and outcome agree


def repeats(told: dict[str, str], **fields) -> list[Told]:
    word = {"+": "++", "-": "-."}
    return [
        Told(name, (word[sign],), repeat=number, **fields)
        for name, signs in told.items()
        for number, sign in enumerate(signs, 1)
    ]


def test_a_pool_of_repeats_gives_pass_at_k():
    replay = analysed(repeats(FIVE_TRIES)).replay(Policy(max_retries=2))
    assert replay.kind == "exchangeable"
    peer = pass_at_k([5, 5, 5], [4, 1, 0], k=3)
    for name in ("accepted", "solved"):
        assert replay.figure(name).estimate == pytest.approx(peer.estimate)
        ends = replay.figure(name).confidence_interval()
        assert ends == pytest.approx(peer.confidence_interval())
    assert any("feedback" in note for note in replay.warnings)


@pytest.mark.parametrize("tries", [1, 2, 3, 4])
def test_the_closed_form_is_the_average_over_all_orders(tries):
    rng = np.random.default_rng(7)
    accepted = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    right = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    cost = rng.uniform(1, 9, 5)
    ends = []
    for order in itertools.permutations(range(5)):
        made = []
        for each in order[:tries]:
            made.append(each)
            if accepted[each]:
                break
        won = accepted[made[-1]]
        total = cost[made].sum()
        ends.append([won, won * right[made[-1]], len(made), total, total**2, total * (1 - won)])
    expected = pooled(accepted[None], right[None], {"cost": cost[None]}, tries=tries)
    amount = expected.amounts["cost"]
    found = [expected.accepted, expected.solved, expected.amounts["tries"].mean, amount.mean,
             amount.square, amount.when_failed]  # fmt: skip
    assert [float(each[0]) for each in found] == pytest.approx(np.mean(ends, axis=0))


def test_other_policies_first_attempts_do_not_make_the_pool_larger():
    """They are the same attempts again: the seeds do not depend on the policy."""
    twice = repeats(FIVE_TRIES) + repeats(FIVE_TRIES, policy="thrice")
    alone = analysed(repeats(FIVE_TRIES)).replay(Policy(max_retries=3))
    replay = analysed(twice).replay(Policy(max_retries=3))
    assert (replay.kind, replay.figure("solved").n) == ("exchangeable", 3)
    assert replay.figure("solved").estimate == alone.figure("solved").estimate


def test_a_template_with_too_few_verdicts_is_left_out_by_name():
    trials = repeats(FIVE_TRIES)
    trials[0] = Told("t1", ("?",), repeat=1)
    trials[1] = Told("t1", ("?",), repeat=2)
    replay = analysed(trials).replay(Policy(max_retries=3))
    assert replay.figure("accepted").n == 2
    assert any("4 first attempts are left out: t1" in note for note in replay.warnings)


def test_an_unknown_cost_of_a_pool_stays_unknown():
    replay = analysed(repeats(FIVE_TRIES, cost=None)).replay(Policy(max_retries=2))
    assert math.isnan(replay.figure("cost").estimate)
    assert replay.figure("solved").estimate > 0
    missing = replay.to_frame().query("figure == 'cost'")["missing"].item()
    assert missing == "3 x cost not reported"


def test_attempts_that_stopped_at_a_pass_are_no_pool():
    stopped = analysed([Told(f"t{n}", ("-.", "-.", "++"), policy="thrice") for n in range(5)])
    with pytest.raises(NotReplayable, match="retries are no such repeats") as refused:
        stopped.replay(Policy(max_retries=4))
    assert "'4 retries' cannot be replayed for 'a'" in str(refused.value)


# ------------------------------------------------------------------ assumed


def test_a_fallbacks_first_tries_stand_in_with_bounds():
    first = {"t1": "++", "t2": "+-", "t3": "--", "t4": "--"}
    other = {"t1": "--", "t2": "++", "t3": "+-", "t4": "--"}
    run = analysed(repeats(first) + repeats(other, agent="b", cost=10.0))
    replay = run.replay(HANDING_OVER, agent="a")
    assert replay.kind == "assumed"
    # By template: 1; 1/2 + 1/2 * 1; 0 + 1 * 1/2; 0.
    assert replay.figure("solved").estimate == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    # One own try each, and the fallback's price as often as it is called.
    assert replay.figure("cost").estimate == pytest.approx(1 + 10 * (0 + 0.5 + 1 + 1) / 4)
    assert replay.figure("tries").estimate == pytest.approx(1 + 2.5 / 4)
    rows = replay.to_frame().set_index("figure")
    assert tuple(rows.loc["solved", ["bound_low", "bound_high"]]) == (1.5 / 4, 1.0)
    assert tuple(rows.loc["cost", ["bound_low", "bound_high"]]) == (1.0, math.inf)
    assert tuple(rows.loc["tries", ["bound_low", "bound_high"]]) == (1.625, 1.625)
    assert any("'b' stand for its escalated ones" in note for note in replay.warnings)


def test_the_bounds_hold_whatever_the_fallback_does():
    rng = np.random.default_rng(5)
    for _ in range(20):
        signs = rng.choice(["+", "-"], (2, 6, 3))
        told = [{f"t{n}": "".join(row) for n, row in enumerate(each)} for each in signs]
        run = analysed(repeats(told[0]) + repeats(told[1], agent="b"))
        row = run.replay(HANDING_OVER, agent="a").to_frame().set_index("figure").loc["solved"]
        assert row["bound_low"] <= row["estimate"] <= row["bound_high"]


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy(max_retries=7), "8 tries need as many repeats"),
        (Policy(fixes=3), "run with a fix limit of 0, not 3"),
        (Policy(max_retries=1, retry_policy={"fallback_agent": "c"}), "'c' was not run"),
        (Policy(max_retries=1, retry_policy={"escalate_model": "m"}), "changes the model to 'm'"),
    ],
)
def test_a_guess_is_refused_and_says_why(policy, reason):
    run = analysed(repeats(FIVE_TRIES))
    with pytest.raises(NotReplayable, match=reason) as refused:
        run.replay(policy)
    assert isinstance(refused.value, InvalidArgument)
    assert "it would be a guess" in str(refused.value)


def test_a_policy_may_be_a_dict_and_is_checked():
    run = analysed(repeats(FIVE_TRIES))
    assert run.replay({"max_retries": 1}).kind == "exchangeable"
    with pytest.raises(InvalidArgument, match="max_retries"):
        run.replay({"max_retires": 1})
    with pytest.raises(InvalidArgument, match="did you mean 'once'"):
        run.replay("onec")
    with pytest.raises(InvalidArgument, match="policy=3 must be a Policy, a dict of its fields"):
        run.replay(3)


def test_which_agent_has_to_be_said_when_there_are_several():
    run = analysed(repeats(FIVE_TRIES) + repeats(FIVE_TRIES, agent="b"))
    with pytest.raises(InvalidArgument, match="choose one by agent=, of 'a', 'b'"):
        run.replay(Policy(max_retries=1))
    with pytest.raises(InvalidArgument, match="agent='c' is unknown"):
        run.replay(Policy(max_retries=1), agent="c")


def test_a_prediction_is_wider_than_a_confidence_interval():
    rows = analysed(repeats(FIVE_TRIES)).replay(Policy(max_retries=2)).to_frame()
    rows = rows[rows["figure"].isin(["solved", "tries", "cost"])]
    width, predicted = rows["high"] - rows["low"], rows["predicted_high"] - rows["predicted_low"]
    assert (predicted >= width).all()
