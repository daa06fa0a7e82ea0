"""Thresholds: recommended by the rule on the dev side, confirmed once on the test side."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.analysis.criteria import criteria_of
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal.openings import read_openings
from tests.analysis import rescored_runs
from tests.analysis.criteria_frames import family_on, frames, labelled

# Scores and labels of the dev side: from 4 on right but once, 3 is a coin, below wrong.
DEV = [(5, 1), (5, 1), (4, 1), (4, 0), (3, 1), (3, 0), (3, 0), (2, 0), (1, 0), (1, 1)]
TEST = [(5, 1), (4, 1), (3, 0), (3, 0), (1, 0)]


def constructed(cost=None, **more):
    told, labels = [], []
    for side, rows in (("dev", DEV), ("test", TEST)):
        for n, (score, label) in enumerate(rows):
            family = family_on(side, n)
            told.append({"template": f"{side}{n}", "family": family, "scores": {"judge": score}})
            labels.append(label)
    return criteria_of(frames(told), labels=labelled(labels), cost=cost, seed=1, **more)


def costs_by_hand(false_pass: float, false_fail: float) -> dict[float, float]:
    return {
        float(t): sum(
            false_pass * (s >= t and not y) + false_fail * (s < t and bool(y)) for s, y in DEV
        ) / len(DEV)
        for t in (1, 2, 3, 4, 5)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("false_pass", "false_fail", "expected"),
    # The sums by hand: 3 3 / 4 4 / 5 3 equal: 4 costs 3, 5 costs 3; the nearer to 3 is 4.
    [(1, 1, 4.0), (5, 1, 5.0), (1, 9, 1.0), (1, 0, 5.0), (0, 1, 1.0)],
)
def test_the_cheapest_threshold_is_recommended(false_pass, false_fail, expected):
    analysis = constructed({"false_pass": false_pass, "false_fail": false_fail})
    by_hand = costs_by_hand(false_pass, false_fail)
    assert min(by_hand.values()) == pytest.approx(by_hand[expected])
    sweep = analysis.sweep.set_index("threshold")
    assert sweep["cost"].to_dict() == pytest.approx(by_hand)
    found = analysis.threshold("judge")
    assert (found.recommended, found.in_force, found.n) == (expected, 3.0, len(DEV))
    assert sweep.loc[sweep["recommended"]].index.tolist() == [expected]
    assert found.cost.estimate == pytest.approx(by_hand[expected])
    assert found.cost_in_force.estimate == pytest.approx(by_hand[3.0])
    assert 0 < found.chosen_share <= 1


def test_rates_of_errors_stand_beside_the_costs():
    sweep = constructed().sweep.set_index("threshold")
    # Of 5 labels that fail, one has 4 or more; of 5 that pass, two have less than 4.
    assert sweep.loc[4.0, "false_pass_rate"] == pytest.approx(1 / 5)
    assert sweep.loc[4.0, "false_fail_rate"] == pytest.approx(2 / 5)
    assert sweep.loc[4.0, "false_fail_rate_low"] < 2 / 5 < sweep.loc[4.0, "false_fail_rate_high"]


def test_rounds_drawn_rarely_weigh_more():
    family = [family_on("dev", n) for n in range(3)]
    told = [
        {"template": f"t{n}", "family": family[n % 3], "scores": {"judge": score}}
        for n, score in enumerate([5, 3, 1])
    ]
    told.append({"template": "x", "family": family_on("test"), "scores": {"judge": 5}})
    labels = labelled([1, 0, 1])
    labels["inclusion_prob"] = [1.0, 0.5, 0.1]
    analysis = criteria_of(frames(told), labels=labels, seed=1)
    # Weights 1, 2, 10: failing the last costs 10 of 13, passing the second 2 of 13.
    sweep = analysis.sweep.set_index("threshold")
    assert sweep.loc[1.0, "cost"] == pytest.approx(2 / 13)
    assert sweep.loc[3.0, "cost"] == pytest.approx(12 / 13)
    assert analysis.threshold("judge").recommended == 1.0


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({"false_pas": 1, "false_fail": 1}, "did you mean 'false_pass'"),
        ({"false_pass": 1}, "cost lacks 'false_fail'"),
        ({"false_pass": -1, "false_fail": 1}, "both are 0 or more"),
        ({"false_pass": 0, "false_fail": 0}, "one is above 0"),
    ],
)
def test_costs_that_are_none_are_refused(cost, said):
    with pytest.raises(InvalidArgument, match=said):
        constructed(cost)


def test_a_check_without_a_score_threshold_has_none_to_recommend():
    told = [
        {"template": f"t{n}", "family": family_on("dev", n), "scores": {"file": 5}}
        for n in range(3)
    ]
    analysis = criteria_of(
        frames(told, {"file": {"threshold": None, "type": "file_exists"}}),
        labels=labelled([1, 1, 0]), seed=1,
    )  # fmt: skip
    assert analysis.thresholds == ()
    with pytest.raises(InvalidArgument, match="has no recommended threshold"):
        analysis.threshold("file")


def test_plain_frames_keep_no_openings():
    with pytest.raises(InvalidArgument, match="only an experiment keeps its openings"):
        constructed().confirm()


# ------------------------------------------------------------------ the test side


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> polpo.Experiment:
    folder = tmp_path_factory.mktemp("thresholds")
    with polpo.connect(data=folder / "data") as lab:
        rescored_runs.add_agents(lab)
        return rescored_runs.run(folder, lab, repeats=2, size=6)


@pytest.fixture
def exp(ran, tmp_path) -> polpo.Experiment:
    shutil.copytree(ran.folder, tmp_path / "exp")
    return polpo.Experiment.open(tmp_path / "exp")


def test_the_test_side_is_opened_once_and_that_is_written_down(exp):
    analysis = exp.criteria("four")
    assert not read_openings(exp.folder)  # looking at the dev side opens nothing
    first = analysis.confirm()
    (opening,) = read_openings(exp.folder)
    assert (
        opening["thresholds"] == {"long": analysis.threshold("long").recommended} == {"long": 4.0}
    )
    assert opening["version"] == first.version
    # "four" says whether there are four words, and "long" scores them: from 4 on both agree.
    assert first["long"].cost.estimate == 0
    assert first["long"].confusion["agreement"].estimate == 1
    assert not first.again
    again = exp.criteria("four").confirm()
    assert (again.again, again.opened_at) == (True, first.opened_at)
    assert len(read_openings(exp.folder)) == 1
    with pytest.raises(InvalidArgument, match="It is opened once"):
        exp.criteria("four", cost={"false_pass": 2, "false_fail": 1}).confirm()
    assert "opened" in repr(first)


def test_the_test_side_is_that_of_the_suites_split(exp):
    analysis = exp.criteria("four")
    dev, test = exp.suite.split()
    items = analysis.judged.items
    assert set(items.loc[analysis.split.dev, "template"]) == {t.id for t in dev}
    assert set(items.loc[analysis.split.test, "template"]) == {t.id for t in test}


def test_another_version_has_a_test_side_of_its_own(exp):
    exp.criteria("four").confirm()
    strict = {"strict": [{"criterion": "It is long", "name": "long", "threshold": 5.0}]}
    rescored = exp.rescore(strict, judge=rescored_runs.judges())
    confirmation = rescored.criteria("four").confirm()
    assert confirmation.version == rescored.version.hash
    assert len({e["version"] for e in read_openings(exp.folder)}) == 2


# ------------------------------------------------------------------ corrected pass rates


def biased(n=60, seed=2):
    """Two agents of equal truth; the judge passes one of them too often."""
    rng = np.random.default_rng(seed)
    told, labels = [], []
    for at in range(n):
        for agent in ("fair", "flattered"):
            right = bool(rng.random() < 0.5)
            score = 5 if right or (agent == "flattered" and rng.random() < 0.6) else 1
            told.append({"template": f"t{at}", "agent": agent, "scores": {"judge": score}})
            labels.append(float(right))
    return told, labels


def test_pass_rates_are_corrected_by_condition_and_differences_directly():
    told, labels = biased()
    some = [label if n % 4 < 2 else None for n, label in enumerate(labels)]
    frame = criteria_of(frames(told), labels=labelled(some), seed=1).corrected_frame()
    truth = pd.Series(labels).groupby([each["agent"] for each in told]).mean()
    rates = frame[frame["minus"].isna()].set_index("agent")
    assert rates.loc["flattered", "judged"] - truth["flattered"] > 0.2
    for agent in ("fair", "flattered"):
        assert rates.loc[agent, "low"] < truth[agent] < rates.loc[agent, "high"]
        assert rates.loc[agent, "n_labels"] == 30
    (difference,) = frame[frame["minus"].notna()].to_dict("records")
    assert abs(difference["estimate"]) < abs(difference["judged"])
    assert difference["low"] < truth["fair"] - truth["flattered"] < difference["high"]
    expected = rates.loc["fair", "judged"] - rates.loc["flattered", "judged"]
    assert difference["judged"] == pytest.approx(expected)


def test_where_all_is_labelled_the_labels_speak_for_themselves():
    told, labels = biased(20)
    frame = criteria_of(frames(told), labels=labelled(labels), seed=1).corrected_frame()
    truth = pd.Series(labels).groupby([each["agent"] for each in told]).mean()
    rates = frame[frame["minus"].isna()].set_index("agent")["estimate"]
    assert rates.to_dict() == pytest.approx(truth.to_dict())
    (difference,) = frame[frame["minus"].notna()].to_dict("records")
    assert difference["estimate"] == pytest.approx(truth["fair"] - truth["flattered"])
    assert "nothing to correct" in difference["notes"]


def test_a_condition_without_labels_has_no_corrected_rate():
    told, labels = biased(20)
    some = [x if each["agent"] == "fair" else None for x, each in zip(labels, told, strict=True)]
    frame = criteria_of(frames(told), labels=labelled(some), seed=1).corrected_frame()
    silent = frame[frame["agent"] == "flattered"].iloc[0]
    assert np.isnan(silent["estimate"])
    assert "two or more are needed" in silent["notes"]


# ------------------------------------------------------------------ judging again


def test_judge_noise_is_told_from_agents(exp):
    def wavering(criterion, task, result):
        words = len(result.files["out.txt"].split())
        return min(5, max(1, min(4, words) + task.seed % 3 - 1))

    rejudged = exp.rejudge(4, judge=rescored_runs.judges(first=wavering))
    told = rejudged.judgements
    assert told.groupby(["task_id", "attempt", "criterion"]).size().eq(4).all()
    long = told[told["criterion"] == "long"].pivot_table(
        index=["template", "task_id", "attempt"], columns="judgement", values="score"
    )
    noise = rejudged["long"]
    by_template = long.var(axis=1, ddof=1).groupby("template").mean()
    rounds = long.var(axis=1, ddof=1)
    assert noise.variance.estimate in (
        pytest.approx(by_template.mean()), pytest.approx(rounds.mean())
    )  # fmt: skip
    assert noise.sd > 0
    assert noise.components["judge"].estimate > 0
    steady = rejudged["four"]
    assert steady.variance.estimate == 0
    assert steady.disagreement.estimate == 0
    frame = rejudged.to_frame()
    assert {"judge_variance", "template", "judge", "agent"} <= set(frame["figure"])
    before = len(list((exp.folder / "rejudged").glob("*.jsonl")))
    exp.rejudge(4, judge=rescored_runs.judges(first=wavering))
    assert len(list((exp.folder / "rejudged").glob("*.jsonl"))) == before == 1
    lines = next((exp.folder / "rejudged").glob("*.jsonl")).read_text().splitlines()
    assert len([x for x in lines if json.loads(x)["record"] == "assessed"]) == 4 * len(long)
    again = exp.criteria().judge_noise
    assert "judge_variance" in set(again["figure"])


def test_judging_again_needs_judges_and_times(exp):
    with pytest.raises(InvalidArgument, match="times=1 must be"):
        exp.rejudge(1, judge=rescored_runs.judges())
    with pytest.raises(InvalidArgument, match="no criterion is scored by a judge"):
        exp.rejudge(2, criteria=lambda template: [{"type": "file_exists", "path": "a"}])
