"""Labels: drawn in strata, kept at once, taken up, adjudicated, exported and imported."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.analysis.labelling.sampling import drawn
from polpo_lab.errors import InvalidArgument
from tests.analysis import rescored_runs

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> polpo.Experiment:
    folder = tmp_path_factory.mktemp("labels")
    with polpo.connect(data=folder / "data") as lab:
        rescored_runs.add_agents(lab)
        return rescored_runs.run(folder, lab, repeats=2)


@pytest.fixture
def exp(ran, tmp_path) -> polpo.Experiment:
    shutil.copytree(ran.folder, tmp_path / "exp")
    return polpo.Experiment.open(tmp_path / "exp")


def test_strata_take_turns_and_each_round_keeps_its_chance():
    population = pd.DataFrame(
        {"trial": [f"x{n}" for n in range(90)], "stratum": ["a"] * 80 + ["b"] * 7 + ["c"] * 3}
    )
    sample = drawn(population, 21, seed=3)
    sizes = sample["stratum"].value_counts().to_dict()
    assert sizes == {"a": 11, "b": 7, "c": 3}
    chances = sample.groupby("stratum")["inclusion_prob"].first()
    assert chances.to_dict() == pytest.approx({"a": 11 / 80, "b": 1.0, "c": 1.0})
    # Horvitz and Thompson's estimate of a stratum's size is exact within strata.
    totals = (1 / sample["inclusion_prob"]).groupby(sample["stratum"]).sum()
    assert totals.to_dict() == pytest.approx({"a": 80, "b": 7, "c": 3})


def test_within_a_stratum_every_round_is_drawn_as_often():
    population = pd.DataFrame({"trial": [f"x{n}" for n in range(8)], "stratum": ["a"] * 8})
    times = pd.concat([drawn(population, 2, seed) for seed in range(2_000)])["trial"]
    # 500 expected of each; six standard deviations of Binomial(2000, 1/4) are 116.
    assert times.value_counts().between(384, 616).all()


def test_the_sample_has_both_verdicts_of_every_condition(exp):
    session = exp.label(sample=8).session
    tasks = exp.frame("tasks").set_index("trial")
    seen = {(tasks.loc[i["trial"], "agent"], bool(tasks.loc[i["trial"], "passed"]))
            for i in session.items}  # fmt: skip
    there = {(row.agent, bool(row.passed)) for row in tasks.itertuples()}
    assert seen == there


def test_a_label_is_on_the_disk_at_once_and_taken_up(exp):
    session = exp.label(by="ada", sample=6).session
    session.label(0, "pass", "clear")
    session.label(1, 0)
    session.label(0, "fail", "on second thought")
    lines = [json.loads(x) for x in (exp.folder / "labels.jsonl").read_text().splitlines()]
    assert [x["label"] for x in lines if x["record"] == "label"] == [1.0, 0.0, 0.0]
    again = exp.label(by="ada", sample=6).session
    assert again.items == session.items
    assert (again.done, again.said(0), again.next()) == (2, (0.0, "on second thought"), 2)
    labels = exp.labels()
    assert len(labels) == 2
    assert set(labels["by"]) == {"ada"}
    assert not labels["passed"].any()


def test_a_label_can_be_taken_back(exp):
    session = exp.label(sample=4).session
    session.label(2, "pass")
    session.label(2, None)
    assert session.done == 0
    assert exp.labels().empty


KILLED = """
import os, signal, sys
import polpo_lab as polpo
session = polpo.Results(sys.argv[1]).label(by="ada", sample=6).session
for place in range(3):
    session.label(place, "pass")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_labels_survive_a_kill(exp):
    killed = subprocess.run([sys.executable, "-c", KILLED, exp.folder], check=False, timeout=120)
    assert killed.returncode == -9
    session = exp.label(by="ada", sample=6).session
    assert (session.done, session.next()) == (3, 3)


def test_another_person_labels_the_same_rounds_in_another_order(exp):
    ada, ben = (exp.label(by=who, sample=8).session for who in ("ada", "ben"))
    key = lambda item: item["trial"]  # noqa: E731
    assert sorted(ada.items, key=key) == sorted(ben.items, key=key)
    assert ada.items != ben.items


def test_blind_says_neither_agent_nor_verdict(exp):
    session = exp.label(sample=20).session
    told = json.dumps([session.show(place) for place in range(len(session))])
    for word in ("short", "longer", "passed", "failed", "counting", "passes from"):
        assert word not in told
    seeing = exp.label(sample=20, blind=False).session
    told = json.dumps([seeing.show(place) for place in range(len(seeing))])
    assert "passes from" in told
    assert "longer" in told


def test_disagreements_are_adjudicated(exp):
    by_trial = {}
    for who, labels in (("ada", "pass"), ("ben", "fail")):
        session = exp.label(by=who, sample=3).session
        for place, item in enumerate(session.items):
            by_trial.setdefault(item["trial"], place)
            same = item["trial"] == exp.label(by="ada", sample=3).session.items[0]["trial"]
            session.label(place, "pass" if same else labels)
    chair = exp.label(by="chair", adjudicate=True).session
    assert len(chair) == 2
    assert chair.show(0)["others"] == ["ada: pass", "ben: fail"]
    chair.label(0, "fail")
    analysis = exp.criteria()
    assert analysis.labelled.n == 2  # one agreed, one settled; one is still open
    assert any("1 rounds are left out" in warning for warning in analysis.warnings)
    for place in range(2):
        chair.label(place, "pass")
    with pytest.raises(InvalidArgument, match="nothing to adjudicate on '1-5'"):
        exp.label(by="chair", scale="1-5", adjudicate=True)


def test_labels_go_out_and_come_back_by_csv(exp, tmp_path):
    session = exp.label(by="ada", sample=5, scale="1-5").session
    for place in range(4):
        session.label(place, place + 2, "a comment, with a comma")
    before = exp.labels()
    before.to_csv(tmp_path / "labels.csv", index=False)
    (exp.folder / "labels.jsonl").unlink()
    assert exp.import_labels(tmp_path / "labels.csv") == 4
    kept = [n for n in before if n not in ("at", "blind")]
    pd.testing.assert_frame_equal(exp.labels()[kept], before[kept], check_dtype=False)


def test_the_road_without_a_notebook(exp, tmp_path):
    session = exp.label(by="ada", sample=5).session
    session.to_csv(tmp_path / "todo.csv")
    todo = pd.read_csv(tmp_path / "todo.csv")
    assert not {"agent", "passed", "stratum"} & set(todo)
    todo["label"] = ["pass", "fail", None, "pass", None]
    todo.to_csv(tmp_path / "todo.csv", index=False)
    assert exp.import_labels(tmp_path / "todo.csv") == 3
    again = exp.label(by="ada", sample=5).session
    assert (again.done, again.next()) == (3, 2)


def test_every_wrong_line_is_named_and_nothing_is_imported(exp, tmp_path):
    trial = exp.frame("tasks")["trial"].iloc[0]
    path = tmp_path / "wrong.csv"
    path.write_text(
        "trial,label,attempt,round,inclusion_prob\n"
        f"{trial},pass,,,\n"
        f"{trial},maybe,,,\n"
        f"{trial[:-1]}x,pass,,,\n"
        f"{trial},pass,9,0,\n"
        f"{trial},pass,1,0,1.5\n"
    )
    with pytest.raises(InvalidArgument) as said:
        exp.import_labels(path, by="ada")
    message = str(said.value)
    assert "line 2" not in message
    assert "line 3: label 'maybe' is not on 'pass/fail'" in message
    assert f"line 4: trial '{trial[:-1]}x' has no round here; did you mean {trial!r}?" in message
    assert "line 5" in message
    assert "has no attempt 9, round 0; rounds: 1.0" in message
    assert "line 6: inclusion_prob '1.5' must be above 0" in message
    assert exp.labels().empty
    with pytest.raises(InvalidArgument, match="nobody is named"):
        exp.import_labels(path)
    path.write_text(f"trial,lable\n{trial},pass\n")
    with pytest.raises(InvalidArgument, match="no column 'label'; did you mean it by 'lable'"):
        exp.import_labels(path, by="ada")
    path.write_text(f"trial,label,comentt\n{trial},pass,x\n")
    with pytest.raises(InvalidArgument, match="did you mean 'comment'"):
        exp.import_labels(path, by="ada")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scale": "1-6"}, "did you mean '1-5'"),
        ({"sample": 0}, "whole number from 1"),
        ({"by": " "}, "must be a name"),
        ({"seed": 0.5}, "seed=0.5 must be a whole number"),
        ({"rounds": "middle"}, "neither 'last' nor 'first'"),
    ],
)
def test_wrong_arguments_are_said(exp, wrong, said):
    with pytest.raises(InvalidArgument, match=said):
        exp.label(**wrong)


def test_a_label_off_the_scale_is_refused(exp):
    session = exp.label(sample=3).session
    with pytest.raises(InvalidArgument, match="not on 'pass/fail'"):
        session.label(0, 4)
    with pytest.raises(InvalidArgument, match="the sample has 3 rounds"):
        session.label(3, "pass")
