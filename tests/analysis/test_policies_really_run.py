"""A policy with few retries, really run, is what its exact replay from a longer run says.

The demonstration's agents at work on an embedded server. Seeds hang on the experiment's seed,
template, repeat, attempt and round, never on the policy: so the two agree to the digit.
"""

from __future__ import annotations

import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.analysis.policies import PolicyAnalysis
from polpo_lab.demo import join

GATE, TRUTH = "examples and 5 more lists", "1,000 lists"
ESCALATION = {"escalate_after": 1, "fallback_agent": "deep-enumerator"}
pytestmark = pytest.mark.timeout(600)  # some forty real runs, on a machine that may be busy

LONG = {
    "stubborn": polpo.Policy(max_retries=2),
    "handing over": polpo.Policy(max_retries=2, retry_policy=ESCALATION),
    "fixing": polpo.Policy(max_retries=1, fixes=1),
}
SHORT = {
    "one retry": polpo.Policy(max_retries=1),
    "one retry, handed over": polpo.Policy(max_retries=1, retry_policy=ESCALATION),
    "one fix": polpo.Policy(fixes=1),
}
# What the clock tells differs between two runs; what judges cost is told of whole tasks only.
NOT_REPLAYED = ("seconds", "added_seconds", "judge_cost")
FIGURE = ["figure", "attempt", "estimate", "standard_error", "low", "high", "n", "n_planned",
          "n_clusters", "missing"]  # fmt: skip


def small_suite() -> polpo.Suite:
    """Return a few templates, judged by their tests alone: the reviewers take longest."""
    chosen = polpo.Suite.load("list-functions").sample(4, seed=2)
    return polpo.Suite(
        "few lists",
        [
            template.model_copy(
                update={
                    "expectations": [e for e in template.expectations if e.name in (GATE, TRUTH)]
                }
            )
            for template in chosen
        ],
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[PolicyAnalysis, PolicyAnalysis]:
    folder = tmp_path_factory.mktemp("really-run")
    suite = small_suite()
    analyses = []
    with polpo.connect(data=folder / "data") as lab:
        join(lab.server.agents, lab.server.judges)
        for name, policies in (("long", LONG), ("short", SHORT)):
            exp = polpo.Experiment(
                name, suite, "stochastic", policies, repeats=1, seed=3, folder=folder / name
            )
            exp.run(lab, concurrency=4)
            analyses.append(exp.policies(outcome=TRUTH))
    return analyses[0], analyses[1]


def figures(frame: pd.DataFrame) -> pd.DataFrame:
    replayable = ~frame["figure"].isin([*NOT_REPLAYED, "seconds_ratio"])
    return frame.loc[replayable, FIGURE].reset_index(drop=True)


@pytest.mark.parametrize("name", SHORT)
def test_an_exact_replay_agrees_with_the_real_run_to_the_digit(runs, name):
    long, short = runs
    replay = long.replay(SHORT[name])
    assert replay.kind == "exact"
    really = short.to_frame().query("policy == @name")
    pd.testing.assert_frame_equal(figures(replay.to_frame()), figures(really), check_exact=True)


def test_the_replays_are_no_triviality(runs):
    """Retries were made, and something came of them, in what was compared."""
    long, _ = runs
    for name, policy in SHORT.items():
        if policy.attempts > 1:
            replay = long.replay(policy)
            assert replay.figure("tries").estimate > 1, name
            assert replay.figure("rescue_rate", attempt=2).n > 0
    longest = long.figure("tries", policy="stubborn").estimate
    assert longest > long.replay(SHORT["one retry"]).figure("tries").estimate
