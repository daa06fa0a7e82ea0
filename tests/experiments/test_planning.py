"""What users write, and what they are told when it is wrong."""

from __future__ import annotations

import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, PolpoLabWarning
from tests.experiments.test_plan import FILE_EXISTS, suite


def experiment(**changes):
    given = {"name": "e", "suite": suite(2), "agents": ["a"], **changes}
    return polpo.Experiment(**given)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"suite": "list-functions"}, r"'list-functions' is no suite: polpo\.Suite\.load"),
        ({"name": "a/b"}, "a name is a folder's too"),
        ({"name": " "}, "must be a text of 1 to 100 characters"),
        ({"name": "a\0b"}, "bytes of UTF-8, and no NUL"),
        ({"name": "\ud800"}, "bytes of UTF-8, and no NUL"),
        ({"name": "\u65e5" * 99}, "at most 240 bytes of UTF-8"),
        ({"agents": []}, "give an agent's name, or several"),
        ({"agents": ["a", "a"]}, "'a' is named twice; repeats= runs it again"),
        ({"agents": [suite]}, "give the agent's name, 'suite'"),
        ({"primary": "pased"}, "primary='pased' is no metric; did you mean 'passed'"),
        ({"agents": [None]}, "an agent: None must be a text"),
        ({"policies": {}}, r'give a Policy, or several by name: \{"once"'),
        ({"policies": {"x": 3}}, r"policy 'x': 3 is no policy: use polpo\.Policy\(max_retries"),
        ({"policies": {"x": {"max_retry": 3}}}, "did you mean 'max_retries'"),
        (
            {"policies": {"x": polpo.Policy(), "y": {"max_retries": 0}}},
            "'x' and 'y' are the same by content",
        ),
        ({"criteria": {"x": []}}, r"criteria 'x': \[\] is no set of expectations"),
        ({"criteria": {"x": [{"type": "tset"}]}}, "llm_review, test, script or file_exists"),
        ({"criteria": {"x": None, "y": None}}, "'x' and 'y' are the same by content"),
        ({"repeats": 0}, "repeats=0 must be a whole number from 1 on"),
        ({"repeats": 2.0}, r"repeats=2\.0 must be a whole number"),
        ({"seed": -1}, "seed=-1 must be a whole number from 0 on"),
    ],
)
def test_a_mistake_is_named_with_the_rule_and_the_nearest_right_thing(changes, words):
    with pytest.raises(InvalidArgument, match=words):
        experiment(**changes)


@pytest.mark.parametrize(
    ("policies", "names"),
    [
        (None, ["once"]),
        (polpo.Policy(max_retries=2, fixes=1), ["2 retries, 1 fix"]),
        ({"max_retries": 1}, ["1 retry"]),
        ([polpo.Policy(), polpo.Policy(max_retries=1)], ["once", "1 retry"]),
        ({"a": {"maxRetries": 1}, "b": polpo.Policy()}, ["a", "b"]),
        ({"once": polpo.Policy(), "fixes": polpo.Policy(fixes=1)}, ["once", "fixes"]),
        ({"fixes": {"fixes": 1}, "once": {}}, ["fixes", "once"]),
        ({"retry_policy": {"fallback_agent": "a"}, "max_retries": 1}, ["1 retry, then a"]),
    ],
)
def test_policies_may_be_one_or_several_named_or_not(policies, names):
    assert experiment(policies=policies).plan()["policy"].cat.categories.tolist() == names


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        (None, ["own"]),
        ("It is polite", ["given"]),
        (FILE_EXISTS, ["given"]),
        ([FILE_EXISTS, "It is polite"], ["given"]),
        ({"expectations": [FILE_EXISTS], "extend": True}, ["given"]),
        ({"own": None, "strict": [FILE_EXISTS]}, ["own", "strict"]),
        (
            {"own": None, "extend": polpo.CriteriaSet(expectations=["Nice"], extend=True)},
            ["own", "extend"],
        ),
    ],
)
def test_criteria_may_be_one_set_or_several(criteria, names):
    assert experiment(criteria=criteria).plan()["criteria"].cat.categories.tolist() == names


def test_an_escalation_that_is_never_reached_is_warned_of():
    rule = {"fallback_agent": "deep", "escalate_after": 2}
    with pytest.warns(PolpoLabWarning, match="escalate_after=2 is never reached"):
        experiment(policies={"x": {"max_retries": 1, "retry_policy": rule}})


def test_a_plan_is_a_frame_before_anything_runs():
    frame = experiment(repeats=2, policies=[polpo.Policy(), polpo.Policy(max_retries=1)]).plan()
    assert len(frame) == 2 * 2 * 2
    assert frame["position"].tolist() == list(range(8))
    assert set(frame["standing"]) == {"todo"}
    assert frame["trial"].is_unique
    assert frame.groupby("block", observed=True).size().tolist() == [4, 4]


def test_the_repr_says_how_large_it_is():
    assert repr(experiment(repeats=3, criteria={"a": None, "b": "Nice"})) == (
        "<Experiment 'e': 2 templates x 1 agent x 1 policy x 2 criteria sets x 3 repeats "
        "= 12 trials>"
    )
