"""Re-scoring kept rounds from the journal: like the server's own reassess, without the server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.demo import join
from polpo_lab.demo.joining import rule_judges
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import read_journal
from polpo_lab.models import Task
from tests.analysis import rescored_runs

STRICT = {"strict": [{"criterion": "It is long", "name": "long", "threshold": 5.0}]}
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> polpo.Experiment:
    """The experiment; its server is closed and its data are gone."""
    folder = tmp_path_factory.mktemp("words")
    with polpo.connect(data=folder / "data") as lab:
        rescored_runs.add_agents(lab)
        exp = rescored_runs.run(folder, lab, policies={"twice": polpo.Policy(max_retries=1)})
    shutil.rmtree(folder / "data")
    return exp


@pytest.fixture
def exp(ran, tmp_path) -> polpo.Experiment:
    """A copy, since scores are kept in the experiment's folder."""
    shutil.copytree(ran.folder, tmp_path / "exp")
    return polpo.Experiment.open(tmp_path / "exp")


def words(exp: polpo.Experiment, trial: str, attempt: int) -> int:
    """How many words an attempt left, told by the journal's own files."""
    task = exp.task(trial)
    (record,) = [each for each in task.attempts if each.attempt == attempt]
    return len(record.files["out.txt"].split())


def test_every_round_is_scored_anew_from_its_files(exp):
    rescored = exp.rescore(STRICT, judge=rescored_runs.judges())
    checks = rescored.frame("checks")
    gates = checks[checks["name"] == "long"]
    assert set(gates["criteria"]) == {"strict"}
    for row in gates.itertuples():
        n = words(exp, row.trial, int(row.attempt))
        assert (row.score, row.passed) == (min(5, n), n >= 5)
        assert row.message == f"score {min(5, n)}, passes from 5"


def test_checks_of_role_outcome_stay_under_a_set_that_replaces_the_gates(exp):
    names = set(exp.rescore(STRICT, judge=rescored_runs.judges()).frame("checks")["name"])
    assert names == {"long", "four"}


def test_the_final_verdict_is_a_replay_exact_or_censored(exp):
    tasks = exp.rescore(STRICT, judge=rescored_runs.judges()).frame("tasks")
    attempts = exp.frame("attempts").groupby("trial")["attempt"].max()
    kinds = set()
    for row in tasks.itertuples():
        run = [words(exp, row.trial, k) for k in range(1, int(attempts[row.trial]) + 1)]
        kinds.add(row.final_kind)
        if any(n >= 5 for n in run):
            assert row.final_kind == "exact"
            assert row.passed is True or row.passed == True  # noqa: E712
            assert row.attempts == 1 + next(k for k, n in enumerate(run) if n >= 5)
        elif len(run) == 2:  # all tries that the policy has were made
            assert (row.final_kind, bool(row.passed)) == ("exact", False)
        else:
            assert (row.final_kind, row.missing_reason) == ("censored", "would_have_retried")
    assert kinds == {"exact", "censored"}


def test_a_laxer_version_ends_a_task_at_the_attempt_that_passes_now(exp):
    lax = {"lax": [{"criterion": "It is long", "name": "long", "threshold": 1.0}]}
    tasks = exp.rescore(lax, judge=rescored_runs.judges()).frame("tasks")
    assert (tasks["attempts"] == 1).all()
    assert tasks["passed"].all()
    assert (exp.frame("tasks")["attempts"] > 1).any()


def test_the_same_criteria_flip_nothing(exp):
    rescored = exp.rescore(judge=rescored_runs.judges(), name="again")
    assert len(rescored.flips()) == 0
    before, after = exp.frame("tasks"), rescored.frame("tasks")
    assert before["passed"].tolist() == after["passed"].tolist()
    assert before["score"].tolist() == after["score"].tolist()
    assert before["attempts"].tolist() == after["attempts"].tolist()


def test_flips_tell_both_reasons_by_template(exp):
    rescored = exp.rescore(STRICT, judge=rescored_runs.judges())
    flips = rescored.flips()
    rounds = exp.frame("attempts")
    expected = sum(3 <= words(exp, r.trial, int(r.attempt)) < 5 for r in rounds.itertuples())
    assert len(flips) == expected > 0
    assert flips.rate.n == len(rounds)
    flip = flips[0]
    assert (flip.before, flip.after, flip.reason_before) == (True, False, "")
    assert flip.reason_after.startswith("long: ")
    assert flips.by_template()["all"].sum() == expected
    assert "rounds flip" in repr(flips)
    assert len(flips.to_frame()) == expected


def test_both_versions_stand_in_one_frame(exp):
    both = exp.rescore(STRICT, judge=rescored_runs.judges()).both("attempts")
    assert both["criteria"].value_counts().to_dict().keys() == {"own", "strict"}


def test_what_was_scored_once_is_not_scored_again(exp):
    rescored = exp.rescore(STRICT, judge=rescored_runs.judges())

    path = exp.folder / "rescored" / f"{rescored.version.hash}.jsonl"
    before = path.read_bytes()
    again = exp.rescore(STRICT, judge=rescored_runs.judges())
    assert path.read_bytes() == before
    assert again.version == rescored.version or again.version.hash == rescored.version.hash
    assert again.frame("checks").equals(rescored.frame("checks"))


def test_another_judge_is_another_version(exp):
    one = exp.rescore(STRICT, judge=rescored_runs.judges("1"))
    other = exp.rescore(STRICT, judge=rescored_runs.judges("2"))
    assert one.version.hash != other.version.hash


def test_criteria_may_be_a_function_of_the_template(exp):
    def chosen(template):
        return [{"type": "file_exists", "path": "no.txt"}] if template.id == "t0" else []

    tasks = exp.rescore(chosen, name="by template").frame("tasks")
    assert not tasks.loc[tasks["template"] == "t0", "passed_num"].fillna(0).any()
    assert tasks.loc[tasks["template"] != "t0", "passed"].all()


def test_what_is_wrong_is_said(exp):
    with pytest.raises(InvalidArgument, match="no judge takes 'It has four words'"):
        exp.rescore(STRICT)
    with pytest.raises(InvalidArgument, match="is no judge"):
        exp.rescore(STRICT, judge=["a name"])
    with pytest.raises(InvalidArgument, match="2 sets"):
        exp.rescore({"a": ["x"], "b": ["y"]}, judge=rescored_runs.judges())
    with pytest.raises(InvalidArgument, match="did you mean 'own'"):
        exp.rescore(STRICT, judge=rescored_runs.judges(), base="owm")
    with pytest.raises(InvalidArgument, match="is a set of the plan itself"):
        exp.rescore(STRICT, judge=rescored_runs.judges(), name="own")
    with pytest.raises(InvalidArgument, match="there is no frame 'task'"):
        exp.rescore(STRICT, judge=rescored_runs.judges()).frame("task")


def test_a_failing_judge_leaves_the_verdict_open_and_is_asked_again(exp):
    def broken(criterion, task, result):
        raise ValueError("no opinion")

    rescored = exp.rescore(STRICT, judge=rescored_runs.judges(first=broken))
    checks = rescored.frame("checks")
    gates = checks[checks["name"] == "long"]
    assert gates["passed"].isna().all()
    assert gates["error"].str.contains("no opinion").all()
    tasks = rescored.frame("tasks")
    assert set(tasks["missing_reason"]) == {"judge_error"}
    lines = (exp.folder / "rescored" / f"{rescored.version.hash}.jsonl").read_bytes().count(b"\n")
    exp.rescore(STRICT, judge=rescored_runs.judges(first=broken))
    path = exp.folder / "rescored" / f"{rescored.version.hash}.jsonl"
    assert path.read_bytes().count(b"\n") > lines


def test_a_lost_file_leaves_the_trial_without_a_verdict(exp):
    task = exp.task(exp.frame("tasks")["trial"].iloc[0])
    (entry,) = task.attempts[0].files.entries
    (exp.folder / "files" / entry.sha256[:2] / entry.sha256).unlink()
    tasks = exp.rescore(STRICT, judge=rescored_runs.judges()).frame("tasks")
    lost = tasks[tasks["missing_reason"] == "files_not_kept"]
    assert len(lost)
    assert lost["passed"].isna().all()


KILLED = """
import os, signal, sys
import polpo_lab as polpo
from tests.analysis import rescored_runs

calls = 0
def counting(criterion, task, result):
    global calls
    calls += 1
    if calls > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return rescored_runs.counting(criterion, task, result)

polpo.Experiment.open(sys.argv[1]).rescore(
    {"strict": [{"criterion": "It is long", "name": "long", "threshold": 5.0}]},
    judge=rescored_runs.judges(first=counting), concurrency=1,
)
"""


def test_a_killed_rescoring_goes_on_where_it_was(exp):
    def rescore(calls: int) -> int:
        command = [sys.executable, "-c", KILLED, str(exp.folder), str(calls)]
        return subprocess.run(command, check=False, timeout=120).returncode

    assert rescore(5) == -9
    (path,) = (exp.folder / "rescored").glob("*.jsonl")
    kept = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(kept) == 1 + 5  # the version, and what was scored before the kill
    with path.open("ab") as file:
        file.write(b'{"record":"assessed","task_id":"cut')  # as a power cut would leave it
    assert rescore(1_000) == 0
    scored = [
        json.loads(line) for line in path.read_bytes().splitlines() if not line.endswith(b'"cut')
    ]
    keys = [(e["task_id"], e["attempt"]) for e in scored if e["record"] == "assessed"]
    assert len(keys) == len(set(keys)) == len(exp.frame("attempts"))
    assert scored[: len(kept)] == kept


# ------------------------------------------------------------------ beside the real server


@pytest.mark.parametrize("with_walls", [pytest.param(True, marks=pytest.mark.sandbox)])
def test_it_agrees_with_the_servers_reassess_check_by_check(tmp_path, with_walls):
    """The demonstration's suite: commands, files, three reviewers and a biased one."""
    suite = polpo.Suite.load("list-functions").sample(3, seed=4)
    extra = polpo.CriteriaSet(
        expectations=[
            {"type": "script", "command": "grep -q return solution.py", "name": "returns"},
            {"type": "file_exists", "path": "notes.txt", "name": "notes", "required": False},
        ],
        extend=True,
    )
    with polpo.connect(data=tmp_path / "data") as lab:
        join(lab.server.agents, lab.server.judges)
        exp = polpo.Experiment(
            "demo", suite, ["enumerator", "memoriser"], seed=1, folder=tmp_path / "exp"
        )
        exp.run(lab, concurrency=4)
        expected = {}
        for row in exp.frame("tasks").itertuples():
            expectations = extra.applied_to(suite[row.template].expectations)
            expected[row.trial] = lab.tasks.reassess(row.task_id, expectations)
    rescored = exp.rescore({"extra": extra}, judge=rule_judges())
    recorded = read_journal(exp.folder)
    assert len(expected) == 6
    for trial, by_server in expected.items():
        ours = {
            row.check: row for row in rescored.frame("checks").itertuples() if row.trial == trial
        }
        assert isinstance(by_server, Task)
        assert len(by_server.assessment.checks) == len(ours) > 5
        for check in by_server.assessment.checks:
            mine = ours[check.index]
            assert (mine.name, mine.role, mine.score) == (check.name, check.role, check.score)
            assert mine.passed == check.passed
            assert mine.message == check.message
        task = rescored.frame("tasks").set_index("trial").loc[trial]
        assert task["passed"] == by_server.assessment.passed
        assert task["score"] == pytest.approx(by_server.assessment.score)
    assert recorded.folder == exp.folder


def test_what_only_the_server_has_is_reassessed_there(tmp_path):
    with polpo.connect(data=tmp_path / "data") as lab:
        rescored_runs.add_agents(lab)
        exp = rescored_runs.run(tmp_path, lab, repeats=1, size=2)
        shutil.rmtree(exp.folder / "files")
        alone = exp.rescore(STRICT, judge=rescored_runs.judges())
        assert set(alone.frame("tasks")["missing_reason"]) == {"files_not_kept"}
        through = exp.rescore(STRICT, judge=rescored_runs.judges(), lab=lab)
        tasks = through.frame("tasks").set_index("task_id")
        for task_id, row in tasks.iterrows():
            kept = lab.tasks.get(task_id).attempts[-1]
            n = len(lab.tasks.read_file(task_id, "out.txt").split())
            assert row["score"] == min(5, n)
            assert kept.assessment.trigger == "reassess"


@pytest.fixture
def elsewhere(tmp_path):
    """An experiment whose files only its server has, and the connection to that."""
    with polpo.connect(data=tmp_path / "data") as lab:
        rescored_runs.add_agents(lab)
        exp = rescored_runs.run(tmp_path, lab, size=2)
        shutil.rmtree(exp.folder / "files")
        yield exp, lab


def test_its_own_judges_score_there_so_that_none_is_needed_here(elsewhere):
    exp, lab = elsewhere
    rescored = exp.rescore(STRICT, lab=lab)
    gates = rescored.frame("checks").query("name == 'long'").set_index("task_id")
    for task_id, row in gates.iterrows():
        n = len(lab.tasks.read_file(task_id, "out.txt").split())
        assert (row["score"], row["passed"]) == (min(5, n), n >= 5)
    told = "4 rounds were assessed by their server, whose own judges scored them"
    assert any(told in warning for warning in rescored.warnings)


def test_a_server_that_judges_by_a_tasks_own_criteria_gets_them_and_has_its_own_back(elsewhere):
    """Spoken to as the cloud is: reassess takes no expectations, so they are changed before."""
    exp, lab = elsewhere
    before = {task.id: task.expectations for task in lab.tasks.list()}
    with polpo.connect(lab.url, key=lab.key, dialect="cloud") as cloud:
        rescored = exp.rescore(STRICT, lab=cloud)
    checks = rescored.frame("checks")
    assert set(checks["name"]) == {"long", "four"}
    for row in checks[checks["name"] == "long"].itertuples():
        n = len(lab.tasks.read_file(row.task_id, "out.txt").split())
        assert (row.score, row.passed) == (min(5, n), n >= 5)
    assert {task.id: task.expectations for task in lab.tasks.list()} == before
    assert {len(lab.tasks.get(task_id).assessment_history) for task_id in before} == {1}


def test_what_a_killed_call_left_changed_there_is_put_right_by_the_next(elsewhere):
    exp, lab = elsewhere
    before = {task.id: task.expectations for task in lab.tasks.list()}
    for task_id in before:  # as a call left it that was killed between change and putting back
        lab.tasks.update(task_id, expectations=[{"type": "file_exists", "path": "no.txt"}])
    with polpo.connect(lab.url, key=lab.key, dialect="cloud") as cloud:
        exp.rescore(STRICT, lab=cloud)
    assert {task.id: task.expectations for task in lab.tasks.list()} == before


def test_a_server_that_is_gone_is_said_and_loses_nothing(elsewhere):
    exp, lab = elsewhere
    task_id = exp.frame("tasks")["task_id"].iloc[0]
    lab.tasks.delete(task_id)
    rescored = exp.rescore(STRICT, lab=lab)
    assert len(rescored.troubles) == 1
    assert task_id in rescored.troubles[0]
    kinds = rescored.frame("tasks").set_index("task_id")["final_kind"]
    assert kinds[task_id] == "not_scored"
    assert (kinds.drop(task_id) != "not_scored").all()


def test_a_sentence_and_a_page_say_what_changed(exp):
    rescored = exp.rescore(STRICT, judge=rescored_runs.judges())
    assert "first tries passed" in repr(rescored)
    assert "would have been tried again" in " ".join(rescored.warnings)
    assert "<script" not in rescored._repr_html_() + rescored.flips()._repr_html_()


def test_rescored_versions_have_an_analysis_of_their_own(exp):
    analysis = exp.rescore(STRICT, judge=rescored_runs.judges()).criteria("four")
    assert analysis.name == "strict"
    with pytest.raises(InvalidArgument, match="did you mean 'rounds'"):
        exp.rescore(STRICT, judge=rescored_runs.judges()).criteria(round="first")
    assert set(analysis.judged.names) == {"long", "four"}


def test_files_of_a_folder_nobody_wrote_are_ignored(exp):
    Path(exp.folder, "rescored").mkdir(exist_ok=True)
    Path(exp.folder, "rescored", "notes.txt").write_text("mine")
    assert not exp.verify().differences
