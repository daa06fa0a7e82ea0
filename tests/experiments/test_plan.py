"""Plans: which trials, in which order, with which names and seeds."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polpo_lab as polpo
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.planning import plan_of

FILE_EXISTS = {"type": "file_exists", "path": "out.txt"}


def suite(size: int = 4, **fields: object) -> polpo.Suite:
    return polpo.Suite(
        "s",
        [
            polpo.Template(
                id=f"t{n}",
                title=f"T{n}",
                description="Do it.",
                family=f"f{n % 2}",
                expectations=[FILE_EXISTS, {"criterion": "good", "role": "outcome"}],
                **fields,
            )
            for n in range(size)
        ],
    )


def plan(**changes: object) -> Plan:
    given = {
        "name": "e",
        "suite": suite(),
        "agents": ["a", "b"],
        "policies": {"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)},
        "repeats": 3,
        "seed": 7,
        **changes,
    }
    return plan_of(**given)


def ids(of: Plan, **versions: str) -> set[str]:
    return {trial.id for trial in of.trials(versions)}


def test_every_template_meets_every_condition_once_in_each_block():
    trials = plan().trials({})
    assert len(trials) == len(plan()) == 4 * 2 * 2 * 3
    per_block = Counter((t.block, t.template, t.condition) for t in trials)
    assert set(per_block.values()) == {1}
    assert [t.block for t in trials] == sorted(t.block for t in trials)


def test_inside_a_block_chance_decides_and_the_seed_repeats_it():
    order = [(t.template, t.condition) for t in plan().trials({}) if t.block == 1]
    assert order != sorted(order)
    assert order == [(t.template, t.condition) for t in plan().trials({}) if t.block == 1]
    other = [(t.template, t.condition) for t in plan(seed=8).trials({}) if t.block == 1]
    assert order != other


def test_seeds_are_the_same_for_all_agents_and_policies_and_differ_by_template_and_repeat():
    seeds: dict[tuple[str, int], set[int]] = {}
    for trial in plan().trials({}):
        seeds.setdefault((trial.template, trial.repeat), set()).add(trial.seed)
    assert all(len(values) == 1 for values in seeds.values())
    assert len({seed for values in seeds.values() for seed in values}) == len(seeds) == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"repeats": 5},
        {"agents": ["a", "b", "c"]},
        {"policies": {"renamed": polpo.Policy(), "twice": polpo.Policy(max_retries=1)}},
        {"suite": suite(6)},
        {"suite": suite(tags=["new"], metadata={"x": 1})},
        {"primary": "score"},
        {"criteria": {"own": None, "strict": [FILE_EXISTS]}},
    ],
)
def test_a_plan_that_grows_keeps_its_trials(changes):
    assert ids(plan()) <= ids(plan(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"suite": suite(files={"in.txt": "x"})},
        {"suite": suite(max_duration=1000)},
        {"policies": {"once": polpo.Policy(fixes=1), "twice": polpo.Policy(max_retries=2)}},
        {"criteria": [{"criterion": "better"}]},
    ],
)
def test_other_content_makes_other_trials(changes):
    assert not ids(plan()) & ids(plan(**changes))


def test_an_agent_of_another_version_makes_other_trials_also_where_it_is_only_the_fallback():
    fallback = plan(
        agents=["a"],
        policies=polpo.Policy(max_retries=1, retry_policy={"fallback_agent": "deep"}),
    )
    assert not ids(fallback, a="1", deep="1") & ids(fallback, a="1", deep="2")
    assert not ids(fallback, a="1", deep="1") & ids(fallback, a="2", deep="1")
    assert ids(fallback, a="1", deep="1") == ids(fallback, a="1", deep="1", other="9")


def test_a_request_says_all_that_the_trial_is():
    made = plan(policies=polpo.Policy(max_retries=2, fixes=1, retry_policy={"escalate_model": "m"}))
    trial = made.trials({})[0]
    assert made.request(trial, group="g/1").wire() == {
        "title": trial.template.upper(),
        "description": "Do it.",
        "assignTo": trial.agent,
        "group": "g/1",
        "expectations": [FILE_EXISTS, {"criterion": "good", "role": "outcome"}],
        "expectedOutcomes": [],
        "maxRetries": 2,
        "maxFixAttempts": 1,
        "retryPolicy": {"escalateModel": "m"},
        "seed": trial.seed,
    }


@pytest.mark.parametrize(
    ("extend", "labels"), [(False, ["good", "new"]), (True, ["out.txt", "good", "new"])]
)
def test_a_criteria_set_replaces_gates_or_extends_and_never_drops_an_outcome(extend, labels):
    made = plan(criteria=polpo.CriteriaSet(expectations=[{"criterion": "new"}], extend=extend))
    request = made.request(made.trials({})[0], group="g")
    assert [e.label for e in request.expectations] == labels


def test_criteria_sets_that_come_to_the_same_for_a_template_are_conditions_of_their_own():
    """The templates' own gate given once more, as a set: trials are paired by condition."""
    alone = plan(criteria={"own": None})
    both = plan(criteria={"own": None, "again": [FILE_EXISTS]})
    told = [trial.id for trial in both.trials({})]
    assert len(set(told)) == len(told) == 2 * len(alone)
    assert ids(alone) <= set(told)


def test_a_plan_survives_being_written_down():
    made = plan(criteria={"own": None, "strict": [FILE_EXISTS]}, primary="passed")
    read = Plan.from_record(json.loads(json.dumps(made.to_record())))
    assert read.hash == made.hash
    assert read.trials({"a": "1"}) == made.trials({"a": "1"})


@given(
    short=st.integers(0, 4),
    long=st.integers(0, 4),
    after=st.one_of(st.none(), st.integers(1, 4)),
)
def test_a_truncation_is_a_prefix_of_the_longer_policys_attempts(short, long, after):
    rule = None if after is None else {"escalate_after": after, "fallback_agent": "deep"}
    a, b = (polpo.Policy(max_retries=n, retry_policy=rule) for n in (short, long))
    assert a.is_truncation_of(b) == (short < long)


def test_another_escalation_within_the_shorter_policy_is_no_truncation():
    early = polpo.Policy(max_retries=3, retry_policy={"fallback_agent": "deep"})
    late = polpo.Policy(max_retries=3, retry_policy={"fallback_agent": "deep", "escalate_after": 2})
    assert polpo.Policy(max_retries=1).is_truncation_of(late)
    assert not polpo.Policy(max_retries=1).is_truncation_of(early)
    assert not polpo.Policy(max_retries=2, fixes=1).is_truncation_of(late)


def test_a_plan_says_which_policies_are_replays():
    (told,) = plan().replays()
    assert told.startswith("policy 'once' is an exact replay of 'twice'")
