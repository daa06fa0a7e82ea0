"""Figures of retry policies on tables small enough to work out by hand."""

from __future__ import annotations

import math

import pytest
from scipy import stats as scipy_stats

from polpo_lab.analysis.policies import PolicyAnalysis, policies
from polpo_lab.experiments.conditions import Policy
from tests.analysis.policy_frames import Told, frames

POLICIES = {
    "once": Policy(),
    "thrice": Policy(max_retries=2),
    "fixing": Policy(fixes=1),
    "handing over": Policy(max_retries=1, retry_policy={"fallback_agent": "b"}),
}
# Right at once; at the second; a false pass at the third; right but rejected; after a timeout.
FIVE = [
    ("t1", ("++",)), ("t2", ("-.", "++")), ("t3", ("-.", "-.", "+.")), ("t4", ("-.", "-.", "-+")),
    ("t5", ("t", "++")),
]  # fmt: skip


def thrice(**fields) -> list[Told]:
    return [Told(name, attempts, policy="thrice", **fields) for name, attempts in FIVE]


def analysed(trials: list[Told], *, outcome: bool = True, **options) -> PolicyAnalysis:
    return policies(**frames(trials, outcome=outcome), policies=POLICIES, **options)


@pytest.fixture(scope="module")
def five() -> PolicyAnalysis:
    return analysed(thrice())


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        ("solved", 3), ("accepted", 4), ("outcome", 4),
        ("first_solved", 1), ("first_accepted", 1), ("first_outcome", 1), ("escalated", 0),
    ],
)  # fmt: skip
def test_rates_are_counts_with_wilsons_interval(five, name, passed):
    figure = five.figure(name)
    assert (figure.estimate, figure.n) == (passed / 5, 5)
    peer = scipy_stats.binomtest(passed, 5).proportion_ci(method="wilson")
    assert tuple(figure.confidence_interval()) == pytest.approx((peer.low, peer.high))


@pytest.mark.parametrize(
    ("name", "by_attempt"),
    [
        ("reached", (5 / 5, 4 / 5, 2 / 5)),
        ("solved_by", (1 / 5, 3 / 5, 3 / 5)),
        ("accepted_by", (1 / 5, 3 / 5, 4 / 5)),
        ("rescue_rate", (1 / 5, 2 / 4, 0 / 2)),
        ("accepted_rate", (1 / 5, 2 / 4, 1 / 2)),
        ("correct_given_accepted", (1 / 1, 2 / 2, 0 / 1)),
        ("added_cost", (1, 1, 1)),
        ("added_seconds", (2, 2, 2)),
        ("cost_per_rescue", (5 / 1, 4 / 2, math.nan)),
    ],
)
def test_figures_by_attempt(five, name, by_attempt):
    found = [five.figure(name, attempt=attempt).estimate for attempt in (1, 2, 3)]
    assert found == pytest.approx(by_attempt, nan_ok=True)


def test_the_conditional_figures_count_who_came_so_far(five):
    assert [five.figure("rescue_rate", attempt=a).n for a in (1, 2, 3)] == [5, 4, 2]
    assert [five.figure("correct_given_accepted", attempt=a).n for a in (1, 2, 3)] == [1, 2, 1]


def test_totals_of_cost_and_tries(five):
    assert five.figure("tries").estimate == pytest.approx(11 / 5)
    assert five.figure("cost").estimate == pytest.approx(11 / 5)
    assert five.figure("cost_per_solved").estimate == pytest.approx(11 / 3)
    assert five.figure("judge_cost").estimate == pytest.approx(0.5 * 11 / 5)


def test_nothing_solved_costs_at_least_so_much():
    nothing = analysed([Told(f"t{n}", ("-.",)) for n in range(20)])
    figure = nothing.figure("cost_per_solved")
    # Total cost over the most that Wilson allows: 0 of 20 is at most .1611 (Newcombe 1998).
    assert math.isnan(figure.estimate)
    assert figure.confidence_interval().low == pytest.approx(1 / 0.1611, abs=0.01)
    assert figure.confidence_interval().high == math.inf
    assert ">= 6.2" in repr(nothing)


def test_a_fix_is_part_of_its_attempt():
    fixed = analysed(
        [
            Told("t1", ("-.,++",), policy="fixing"),
            Told("t2", ("-.,-.",), policy="fixing"),
            Told("t3", ("++",), policy="fixing"),
        ]
    )
    assert fixed.figure("first_solved").estimate == pytest.approx(1 / 3)
    assert fixed.figure("solved").estimate == pytest.approx(2 / 3)
    assert fixed.figure("tries").estimate == 1
    assert fixed.figure("cost").estimate == pytest.approx(5 / 3)
    rescued = fixed.figure("fix_rescue_rate", attempt=1)
    assert (rescued.estimate, rescued.n) == (0.5, 2)


def test_escalation_is_counted_by_task():
    handed = analysed(
        [
            Told("t1", ("++",), policy="handing over", escalate_after=1),
            Told("t2", ("-.", "++"), policy="handing over", escalate_after=1),
            Told("t3", ("-.", "-."), policy="handing over", escalate_after=1),
        ]
    )
    assert handed.figure("escalated").estimate == pytest.approx(2 / 3)


def test_repeats_are_averaged_within_templates():
    """Three repeats of one template weigh as much as one of another."""
    trials = [Told("t1", ("++",), repeat=r) for r in (1, 2, 3)]
    trials += [Told("t2", ("-.",), repeat=r) for r in (1, 2)] + [Told("t2", ("++",), repeat=3)]
    assert analysed(trials).figure("solved").estimate == pytest.approx((1 + 1 / 3) / 2)


def test_families_are_the_clusters():
    trials = [Told(f"t{n}", ("++" if n % 3 else "-.",), family=f"f{n // 2}") for n in range(12)]
    assert analysed(trials).figure("solved").n_clusters == 6
    assert analysed(trials, cluster="template").figure("solved").n_clusters == 12


def test_with_gates_only_the_final_rate_is_called_an_opinion():
    blind = analysed(thrice(), outcome=False)
    assert any("the verifier's opinion after up to 3 tries" in note for note in blind.warnings)
    assert math.isnan(blind.figure("solved").estimate)
    assert blind.figure("accepted").estimate == 0.8
    assert blind.figure("cost_per_solved").estimate == pytest.approx(11 / 4)
    assert "accepted" in blind.figure("cost_per_solved").estimand
    missing = blind.to_frame().query("figure == 'solved'")["missing"].item()
    assert missing == "5 x no outcome verdict"


def test_an_unknown_cost_stays_unknown():
    unknown = analysed(thrice(cost=None))
    for name in ("cost", "cost_per_solved"):
        assert math.isnan(unknown.figure(name).estimate)
        assert unknown.figure(name).n == 0
        assert "cost not reported" in unknown.figure(name).notes[0]
    assert unknown.figure("solved").estimate == 0.6
    assert unknown.fronts == {}
    assert any("cost of a · thrice · own is not known" in note for note in unknown.warnings)


def test_what_has_no_verdict_is_missing_with_its_reason():
    partly = analysed([*thrice(), Told("t6", ("-.", "?"), policy="thrice")])
    row = partly.to_frame().query("figure == 'solved'").iloc[0]
    assert (row["estimate"], row["n"], row["n_planned"]) == (0.6, 5, 6)
    assert row["missing"] == "1 x judge_error"
    assert partly.figure("solved_by", attempt=1).n == 6  # its first attempt did fail


def test_an_unfinished_experiment_is_cut_to_complete_blocks():
    trials = [Told(f"t{n}", ("++" if n else "-.",), repeat=r) for r in (1, 2) for n in range(3)]
    trials[5] = Told("t2", (), repeat=2)
    cut = analysed(trials)
    assert cut.figure("solved").n == 3
    assert cut.figure("solved").estimate == pytest.approx(2 / 3)
    assert "1 of 2 blocks are complete and analysed; 3 of 6 trials" in cut.warnings[0]


def test_durations_are_ratios_of_geometric_means():
    once = [Told(f"t{n}", ("++",), seconds=float(n)) for n in (1, 2, 4, 8, 16)]
    slow = [
        Told(f"t{n}", ("++",), policy="thrice", seconds=n * factor)
        for n, factor in ((1, 2.0), (2, 3.0), (4, 2.5), (8, 2.0), (16, 3.5))
    ]
    figure = analysed(once + slow).figure("seconds_ratio", policy="thrice")
    factors = [2.0, 3.0, 2.5, 2.0, 3.5]
    assert figure.estimate == pytest.approx(scipy_stats.gmean(factors))
    logs = [math.log(factor) for factor in factors]
    peer = scipy_stats.ttest_1samp(logs, 0).confidence_interval()
    interval = figure.confidence_interval()
    assert (interval.low, interval.high) == pytest.approx((math.exp(peer.low), math.exp(peer.high)))


def test_a_timeout_is_a_lower_limit_of_the_time():
    once = [Told(f"t{n}", ("++",), seconds=1.0 + n / 10) for n in range(8)]
    slow = [
        Told(f"t{n}", ("t" if n == 3 else "++",), policy="thrice", seconds=(1.5 + n / 7))
        for n in range(8)
    ]
    figure = analysed(once + slow).figure("seconds_ratio", policy="thrice")
    as_if_done = scipy_stats.gmean([(1.5 + n / 7) / (1.0 + n / 10) for n in range(8)])
    assert figure.estimate > as_if_done
    assert any("censored" in note for note in figure.notes)


def test_the_front_holds_who_is_not_beaten():
    trials = [Told(f"t{n}", ("++" if n < 4 else "-.",)) for n in range(8)]
    trials += [Told(f"t{n}", ("++",), policy="thrice", cost=3.0) for n in range(8)]
    trials += [
        Told(f"t{n}", ("++" if n < 2 else "-.",), policy="fixing", cost=5.0) for n in range(8)
    ]
    front = analysed(trials).fronts["own"]
    assert front.names == ("a · once", "a · thrice", "a · fixing")
    assert front.on_front.tolist() == [True, True, False]
    assert front.frequency[0] == 1  # nothing is cheaper, whatever is drawn
    assert front.frequency[2] < 0.01


def test_the_same_data_give_the_same_figures(five):
    again = analysed(thrice())
    assert again.to_frame().equals(five.to_frame())
    assert again.fronts["own"].seed == five.fronts["own"].seed
