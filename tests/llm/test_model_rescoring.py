"""Kept rounds scored anew by model judges: the client library is real, the provider on loopback."""

from __future__ import annotations

import re

import pytest

import polpo_lab as polpo
from polpo_lab.assess.model_judges import model_judge
from tests.analysis import rescored_runs
from tests.llm.conftest import CANARY
from tests.llm.openai_server import call, refuse

LONG = {"model": [{"criterion": "It is long", "name": "long", "threshold": 3.0}]}


@pytest.fixture
def exp(tmp_path) -> polpo.Experiment:
    """Ten rounds of one to six words; their server is closed."""
    with polpo.connect(data=tmp_path / "data") as lab:
        rescored_runs.add_agents(lab)
        return rescored_runs.run(tmp_path, lab)


def critic(provider, **options):
    options = {"reviewers": 1, "name": "critic", "prices": {"judge-test": (1.0, 1.0)}, **options}
    return model_judge("openai:judge-test", base_url=provider.url, key=CANARY, **options)


def seen_words(request) -> int:
    """Count the words of the file that the judge was shown."""
    return len(re.findall(r"\bword\b", request.text_of("user")))


def finds(score):
    return call("final_result", reason="counted", evidence=[], score=score)


def judges(provider, **options):
    return [critic(provider, match="long", **options), rescored_runs.judges()[1]]


def test_a_model_scores_every_kept_round_by_its_files(exp, provider):
    provider.answer = lambda request: finds(min(5, seen_words(request)))
    rescored = exp.rescore(LONG, judge=judges(provider))
    checks = rescored.frame("checks")
    long = checks[checks["name"] == "long"].set_index("task_id")
    for trial, task_id in exp.frame("tasks")[["trial", "task_id"]].itertuples(index=False):
        words = len(exp.task(trial).attempts[0].files["out.txt"].split())
        assert long.loc[task_id, "score"] == min(5, words)
        assert long.loc[task_id, "passed"] == (words >= 3)
    assert len(provider.received) == 10
    tasks = rescored.frame("tasks")
    assert tasks["judge_cost"].tolist() == pytest.approx([110 / 1e6] * 10)
    kept = b"".join(p.read_bytes() for p in (exp.folder / "rescored").iterdir())
    assert CANARY.encode() not in kept

    assert exp.rescore(LONG, judge=judges(provider)).frame("checks").equals(checks)
    assert len(provider.received) == 10  # what was scored once costs nothing again


def test_a_models_name_is_enough_where_its_key_is_in_the_environment(exp, provider, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    provider.answer = lambda request: finds(4)
    rescored = exp.rescore(LONG, judge="openai:judge-test")
    checks = rescored.frame("checks")
    assert set(checks["score"]) == {4.0}
    scores = rescored.frame("scores")
    assert scores.groupby(["task_id", "name"], observed=True)["reviewer"].nunique().eq(3).all()
    assert len(provider.received) == 10 * 2 * 3  # two criteria, three reviewers each


def test_a_provider_that_fails_leaves_verdicts_open_and_is_asked_again_next_time(exp, provider):
    provider.answer = lambda request: refuse(400, "no such model")
    tasks = exp.rescore(LONG, judge=judges(provider)).frame("tasks")
    assert set(tasks["missing_reason"]) == {"judge_error"}
    assert tasks["passed"].isna().all()

    provider.answer = lambda request: finds(5)
    again = exp.rescore(LONG, judge=judges(provider)).frame("tasks")
    assert again["passed"].all()


def test_more_reviewers_are_another_version(exp, provider):
    provider.answer = lambda request: finds(3)
    one = exp.rescore(LONG, judge=judges(provider))
    three = exp.rescore(LONG, judge=judges(provider, reviewers=3))
    assert one.version.hash != three.version.hash
    assert len(provider.received) == 10 + 30


def test_a_model_judges_each_round_several_times_and_its_noise_is_told(exp, provider):
    provider.answer = lambda request: finds(5 if request.body["seed"] % 2 else 1)
    rejudged = exp.rejudge(3, judge=judges(provider), criteria=LONG)
    assert len(provider.received) == 30
    seeds = [request.body["seed"] for request in provider.received]
    assert len(set(seeds)) == 15  # anew for each judgement; both agents' rounds have the same
    told = rejudged.judgements
    long = told[told["criterion"] == "long"].pivot(index="task_id", columns="judgement",
                                                   values="score")  # fmt: skip
    assert long.shape == (10, 3)
    passed = long.eq(5).sum(axis=1)
    differ = passed.isin([1, 2]) * 2 / 3  # of the three pairs of judgements
    noise = rejudged["long"]
    assert noise.disagreement.estimate == pytest.approx(differ.mean())
    assert noise.variance.estimate == pytest.approx(long.var(axis=1, ddof=1).mean())
    assert "long" in set(exp.criteria().judge_noise["criterion"])
