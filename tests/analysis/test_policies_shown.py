"""How analyses show themselves, and what they say to input that is none."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

from polpo_lab.analysis.frames import frame
from polpo_lab.analysis.policies import PolicyAnalysis, policies
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.conditions import Policy
from tests.analysis.policy_frames import Told, frames

HOSTILE = "<script>alert(1)</script>"
POLICIES = {"once": Policy(), HOSTILE: Policy(max_retries=2)}
TRIALS = [Told(f"t{n}", ("-.", "++") if n % 2 else ("++",), policy=HOSTILE) for n in range(6)]


@pytest.fixture(scope="module")
def found() -> PolicyAnalysis:
    return policies(**frames(TRIALS), policies=POLICIES)


def test_every_row_says_what_it_is_of_how_many_and_how(found):
    table = found.to_frame()
    for column in ("n", "n_planned", "n_clusters", "estimand", "method", "level"):
        assert table[column].notna().all(), column
    assert (table["estimand"].str.len() > 10).all()
    assert set(found.to_frame(0.9)["level"]) == {0.9}


def test_pages_are_escaped(found):
    shown = (found, found.replay(Policy(max_retries=1)), found.recommend(max_cost=9.0))
    for each in shown:
        page = each._repr_html_()
        assert "<table>" in page
        assert "<script>" not in page
    assert "&lt;script&gt;" in found._repr_html_()


def test_reprs_name_the_headline_with_its_interval(found):
    assert "solved at the end" in repr(found)
    assert "n = 6" in repr(found)
    assert "exact" in repr(found.replay(Policy(max_retries=1)))
    assert "0x" not in repr(found)


def test_an_analysis_crosses_processes(found):
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outcome": "turth"}, "did you mean 'truth'"),
        ({"cluster": "famly"}, "did you mean 'family'"),
        ({"cluster": "family"}, "no template has a family"),
    ],
)
def test_unknown_names_get_the_nearest(options, message):
    with pytest.raises(InvalidArgument, match=message):
        policies(**frames(TRIALS), policies=POLICIES, **options)


def test_an_outcome_nobody_measured_cannot_be_chosen():
    with pytest.raises(InvalidArgument, match="no check has the role 'outcome'"):
        policies(**frames(TRIALS, outcome=False), policies=POLICIES, outcome="truth")


def test_policies_have_to_be_told():
    with pytest.raises(InvalidArgument, match="policy='once' is unknown; did you mean 'onec'"):
        policies(**frames([Told("t1", ("++",))]), policies={"onec": Policy()})


def test_frames_that_are_none_are_refused():
    told = frames(TRIALS)
    with pytest.raises(InvalidArgument, match="attempts lacks attempt, round"):
        policies(told["tasks"], told["tasks"], told["checks"], POLICIES)
    with pytest.raises(InvalidArgument, match="nothing was run yet"):
        policies(frame("tasks", []), frame("attempts", []), frame("checks", []), POLICIES)
    alone = told["tasks"].assign(policy=pd.Categorical([None] * 6))
    with pytest.raises(InvalidArgument, match=r"rows without policy: .* frames of an experiment"):
        policies(alone, told["attempts"], told["checks"], POLICIES)


def test_a_trial_that_stands_twice_is_refused():
    with pytest.raises(InvalidArgument, match="template 't0' stands twice"):
        policies(**frames([*TRIALS, TRIALS[0]]), policies=POLICIES)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        ({"name": "sovled"}, "did you mean 'solved'"),
        ({"name": "solved", "attempt": 1}, "leave attempt= out"),
        ({"name": "solved_by"}, r"add attempt= one of \[1, 2\]"),
        ({"name": "solved_by", "attempt": 7}, r"known of attempts \[1, 2\]"),
        ({"name": "solved", "agent": "z"}, "agent='z' is unknown"),
    ],
)
def test_a_figure_is_asked_for_by_its_name(found, ask, message):
    with pytest.raises(InvalidArgument, match=message):
        found.figure(**ask)


def test_one_template_has_rates_but_no_interval_of_means():
    one = policies(**frames([Told("t1", ("++",))]), policies=POLICIES)
    assert one.figure("solved").estimate == 1
    assert pd.isna(one.figure("cost").confidence_interval().low)
    assert pd.isna(one.recommend(max_cost=9.0).chance)


def test_several_outcome_checks_have_to_pass_all():
    told = frames(TRIALS)
    second = told["checks"].query("role == 'outcome'").assign(name="second", check=1.0)
    second["passed_num"] = 0.0
    told["checks"] = pd.concat([told["checks"].astype({"name": object}), second])
    both = policies(**told, policies=POLICIES)
    assert both.figure("solved").estimate == 0
    assert any("all of 'truth', 'second' pass" in note for note in both.warnings)
    assert policies(**told, policies=POLICIES, outcome="truth").figure("solved").estimate == 1
