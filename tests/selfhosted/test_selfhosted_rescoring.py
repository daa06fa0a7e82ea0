"""Other criteria on rounds that only a self-hosted server has: update, reassess, and put back."""

from __future__ import annotations

import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument
from tests.selfhosted.imitation import Run


def worker(task, workdir):
    return Run(stdout="worked", seconds=0.05)


def kind(criterion, task, result):
    return 5


def reviewers(expectation, task):
    """Three who agree: a warm criterion gets a 4, any other a 2."""
    return [4 if "warm" in expectation["criteria"] else 2] * 3


@pytest.fixture
def server(serve):
    return serve(agents={"worker": worker}, reviewers=reviewers)


@pytest.fixture
def exp(lab, tmp_path):
    suite = polpo.Suite("s", [
        polpo.Template(id=f"t{n}", title=f"Task {n}", description="d",
                       expectations=[{"criterion": "It is warm"}])
        for n in range(2)
    ])  # fmt: skip
    experiment = polpo.Experiment("e", suite, ["worker"], folder=tmp_path / "exp")
    experiment.run(lab)
    return experiment


def test_last_rounds_are_judged_by_the_servers_own_reviewers(server, lab, exp):
    assert exp.frame("tasks")["passed"].tolist() == [True, True]
    before = {task["id"]: task["expectations"] for task in server.supervisor.tasks.values()}
    ran = list(server.supervisor.runs)

    strict = {"strict": [{"criterion": "It is warm", "threshold": 5.0}]}
    rescored = exp.rescore(strict, lab=lab)

    tasks = rescored.frame("tasks")
    assert tasks["score"].tolist() == [4, 4]
    assert tasks["passed_num"].tolist() == [0, 0]
    assert tasks["first_passed"].isna().all()  # the server tells the last round only
    assert len(rescored.flips()) == 2
    assert any("assessed by their server" in warning for warning in rescored.warnings)
    after = {task["id"]: task["expectations"] for task in server.supervisor.tasks.values()}
    assert after == before
    assert server.supervisor.runs == ran  # no agent ran again

    calls = len(server.seen)
    assert exp.rescore(strict, lab=lab).frame("tasks")["score"].tolist() == [4, 4]
    assert len(server.seen) == calls  # what was scored once asks nobody


def test_a_last_round_that_fails_now_leaves_open_what_earlier_ones_would_have_done(
    lab, server, tmp_path
):
    """It passed at the second attempt; the first one is hidden, and might pass as well."""
    scores = iter([2] * 3 + [4] * 3)
    server.supervisor.reviewers = lambda expectation, task: [next(scores, 4)] * 3
    suite = polpo.Suite("s", [
        polpo.Template(id="t", title="Task", description="d",
                       expectations=[{"criterion": "It is warm"}])
    ])  # fmt: skip
    exp = polpo.Experiment(
        "e", suite, ["worker"], {"twice": polpo.Policy(max_retries=1)}, folder=tmp_path / "exp"
    )
    exp.run(lab)
    (passed,) = exp.rescore(
        {"lax": [{"criterion": "It is warm", "threshold": 2.0}]}, lab=lab
    ).frame("tasks")["passed"]
    assert passed
    strict = exp.rescore({"strict": [{"criterion": "It is warm", "threshold": 5.0}]}, lab=lab)
    assert strict.frame("tasks")["final_kind"].tolist() == ["not_scored"]
    assert strict.frame("tasks")["passed"].isna().all()


def test_without_the_server_there_is_nothing_to_score(exp):
    with pytest.raises(InvalidArgument, match="no judge takes 'It is kind'"):
        exp.rescore({"kind": ["It is kind"]})
    alone = exp.rescore({"kind": ["It is kind"]}, judge=kind)
    assert set(alone.frame("tasks")["missing_reason"]) == {"files_not_kept"}
    assert any("pass lab=" in warning for warning in alone.warnings)


def test_what_needs_rounds_says_that_the_server_told_none(exp):
    for call in (exp.criteria, exp.policies, exp.label):
        with pytest.raises(InvalidArgument, match="the server told no rounds"):
            call()
