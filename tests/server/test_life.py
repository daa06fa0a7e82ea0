"""The life of a task, told by its stream and by GET: verdicts, fixes, retries, people."""

from __future__ import annotations

import asyncio

import pytest

from polpo_lab import Score


def moves(events):
    return [e["status"] for e in events if e["event"] == "status"]


def rounds(task):
    return [(a["attempt"], a["round"], a["kind"]) for a in task["attempts"]]


@pytest.fixture
def graded(lab):
    """An agent that hands in, round by round, the marks of its description; a judge reads them."""

    @lab.agent(isolation="inline")
    async def pupil(task):
        marks = [attempt.split(",") for attempt in task.description.split("/")]
        mark = marks[min(task.attempt, len(marks)) - 1]
        mark = mark[min(task.round, len(mark) - 1)]
        if mark == "crash":
            raise RuntimeError("the dog ate it")
        if mark == "slow":
            await asyncio.sleep(30)
        (task.workspace / "mark.txt").write_text(mark)
        return f"mark {mark}; told: {task.feedback}"

    @lab.judge(match="the mark", isolation="inline")
    def marks(criterion, task, result):
        mark = result.files["mark.txt"]
        if mark == "unreadable":
            raise ValueError("cannot read the mark")
        return Score(int(mark), f"the mark is {mark}")


def grade(api, marks, **fields):
    return api.create(
        assignTo="pupil",
        description=marks,
        expectations=[{"criterion": "the mark is good"}],
        **fields,
    )


def test_a_task_without_expectations_is_done_when_its_agent_ends_well(api):
    task = api.create()
    assert (task["status"], task["phase"], task["retries"], task["maxRetries"]) == (
        "draft",
        None,
        0,
        3,
    )
    events = api.execute(task["id"])
    assert moves(events) == ["pending", "assigned", "in_progress", "review", "done"]
    assert [e["phase"] for e in events if e["event"] == "phase"] == ["execution", "review", None]
    assert [e["id"] for e in events] == list(range(1, len(events) + 1))
    assert events[-1]["event"] == "done"
    assert (events[-1]["status"], events[-1]["passed"]) == ("done", True)
    got = api.get(task["id"])
    assert (got["status"], got["phase"], got["result"]["content"]) == ("done", None, "did t")
    assert rounds(got) == [(1, 0, "first")]


def test_a_false_verdict_is_fixed_in_the_same_workspace_with_its_feedback(api, graded):
    task = grade(api, "1,2,4")
    events = api.execute(task["id"])
    got = api.get(task["id"])
    assert got["status"] == "done"
    assert got["retries"] == 0
    assert rounds(got) == [(1, 0, "first"), (1, 1, "fix"), (1, 2, "fix")]
    assert [a["assessment"]["trigger"] for a in got["attempts"]] == ["initial", "fix", "fix"]
    assert "the mark is 1" in got["attempts"][1]["feedback"]
    assert "the mark is 1" in got["attempts"][1]["result"]["content"]
    assert [e["phase"] for e in events if e["event"] == "phase"] == [
        "execution",
        "review",
        "fix",
        "review",
        "fix",
        "review",
        None,
    ]
    assert got["assessment"]["score"] == 4
    assert sum(e["event"] == "done" for e in events) == 1


def test_a_retry_follows_when_fixes_are_used_up_and_goes_straight_to_pending(api, graded):
    task = grade(api, "1/2/5", maxFixAttempts=1, maxRetries=2)
    events = api.execute(task["id"])
    got = api.get(task["id"])
    assert (got["status"], got["retries"]) == ("done", 2)
    assert rounds(got) == [
        (1, 0, "first"),
        (1, 1, "fix"),
        (2, 0, "retry"),
        (2, 1, "fix"),
        (3, 0, "retry"),
    ]
    assert "failed" not in moves(events)
    assert [e["code"] for e in events if e["event"] == "error"] == ["expectations"] * 2
    assert len({a["seed"] for a in got["attempts"]}) == 5
    assert {a["maxFixAttempts"] for a in got["attempts"]} == {1}


def test_without_tries_left_it_fails_and_says_why(api, graded):
    task = grade(api, "1", maxFixAttempts=0, maxRetries=1)
    done = api.execute(task["id"])[-1]
    assert (done["status"], done["reason"], done["retries"]) == ("failed", "expectations", 1)
    assert (done["score"], done["passed"]) == (1, False)
    got = api.get(task["id"])
    assert (got["status"], got["reason"]) == ("failed", "expectations")


def test_a_crash_skips_review_and_fixes(api, graded):
    task = grade(api, "crash/3", maxRetries=1)
    events = api.execute(task["id"])
    got = api.get(task["id"])
    assert rounds(got) == [(1, 0, "first"), (2, 0, "retry")]
    assert got["attempts"][0]["exitReason"] == "crash"
    assert got["attempts"][0].get("assessment") is None
    assert "the dog ate it" in got["attempts"][0]["result"]["error"]
    assert moves(events)[:4] == ["pending", "assigned", "in_progress", "pending"]
    assert got["status"] == "done"


def test_a_round_over_its_time_is_a_timeout(api, graded):
    task = grade(api, "slow", maxDuration=100, maxRetries=0)
    done = api.execute(task["id"])[-1]
    assert (done["status"], done["reason"], done["score"]) == ("failed", "timeout", None)
    assert api.get(task["id"])["attempts"][0]["exitReason"] == "timeout"


def test_a_judge_that_cannot_judge_triggers_nothing_and_reassess_settles_it(api, lab, graded):
    task = grade(api, "unreadable", maxRetries=2)
    done = api.execute(task["id"])[-1]
    assert (done["status"], done["reason"]) == ("failed", "judge_error")
    assert (done["passed"], done["score"]) == (None, None)
    got = api.get(task["id"])
    assert rounds(got) == [(1, 0, "first")]
    assert "cannot read the mark" in str(got["assessment"]["checks"][0])

    @lab.judge(match="the mark", name="marks", isolation="inline")
    def lenient(criterion, task, result):
        return Score(4, "good enough")

    settled = api.http.post(f"/tasks/{task['id']}/reassess").json()
    assert (settled["status"], settled["assessment"]["passed"]) == ("done", True)
    assert settled["assessment"]["trigger"] == "reassess"
    assert len(settled["assessmentHistory"]) == 1


def test_reassess_with_other_expectations_moves_the_status_and_keeps_the_old_one(api, graded):
    task = grade(api, "3", maxRetries=0)
    last = api.execute(task["id"])[-1]["id"]
    stricter = [{"criterion": "the mark is good", "threshold": 4.0}]
    path = f"/tasks/{task['id']}/reassess"
    got = api.http.post(path, json={"expectations": stricter}).json()
    assert (got["status"], got["reason"]) == ("failed", "expectations")
    assert got["expectations"] == task["expectations"]
    assert got["assessmentHistory"][0]["passed"] is True
    added = api.events(task["id"], after=last)
    assert [e["event"] for e in added] == ["assessment", "status"]
    assert api.http.post(path).json()["status"] == "done"


def test_the_policy_escalates_to_agent_and_model_once_enough_attempts_failed(api, lab, graded):
    @lab.agent(isolation="inline")
    async def professor(task):
        (task.workspace / "mark.txt").write_text("5")
        return f"model {task.model}"

    policy = {"escalateAfter": 2, "fallbackAgent": "professor", "escalateModel": "large"}
    task = grade(api, "1", maxFixAttempts=0, maxRetries=3, retryPolicy=policy)
    events = api.execute(task["id"])
    got = api.get(task["id"])
    assert [(a["kind"], a["agent"]) for a in got["attempts"]] == [
        ("first", "pupil"),
        ("retry", "pupil"),
        ("escalated", "professor"),
    ]
    assert got["result"]["content"] == "model large"
    assigned = [e for e in events if e.get("status") == "assigned"]
    assert [e["agent"] for e in assigned] == ["pupil", "pupil", "professor"]
    assert assigned[-1]["model"] == "large"


def test_retry_by_hand_gets_one_attempt_beyond_the_limit(api, graded):
    task = grade(api, "1", maxFixAttempts=0, maxRetries=0)
    api.execute(task["id"])
    answer = api.http.post(f"/tasks/{task['id']}/retry")
    assert (answer.status_code, answer.json()["retries"]) == (202, 1)
    api.events(task["id"])
    got = api.get(task["id"])
    assert rounds(got) == [(1, 0, "first"), (2, 0, "retry")]
    assert got["status"] == "failed"


def test_side_effects_wait_for_a_person_and_complete(api, graded):
    task = grade(api, "5", sideEffects=True)
    with api.http.stream("POST", f"/tasks/{task['id']}/execute") as stream:
        for line in stream.iter_lines():
            if '"awaiting_approval"' in line:
                break
        got = api.get(task["id"])
        assert (got["status"], got["phase"]) == ("awaiting_approval", None)
        approval = api.http.get("/approvals", params={"status": "pending"}).json()[0]
        assert (approval["id"], approval["kind"]) == (got["approvalId"], "complete")
        assert api.http.post(f"/approvals/{approval['id']}/approve").json()["status"] == "approved"
    assert api.events(task["id"])[-1]["event"] == "done"
    assert api.get(task["id"])["status"] == "done"


def test_a_failing_task_with_side_effects_runs_again_only_when_approved(api, graded):
    task = grade(api, "1/4", sideEffects=True, maxRetries=3)
    api.start(task["id"])
    waiting = api.wait_for(task["id"], "awaiting_approval")
    approval = api.http.get("/approvals").json()[0]
    assert approval["kind"] == "rerun"
    assert rounds(waiting) == [(1, 0, "first")]
    api.http.post(f"/approvals/{approval['id']}/approve")
    again = api.wait_for(task["id"], "awaiting_approval", attempt=2)
    assert rounds(again) == [(1, 0, "first"), (2, 0, "retry")]
    approval = api.http.get("/approvals", params={"status": "pending"}).json()[0]
    api.http.post(f"/approvals/{approval['id']}/reject", json={"feedback": "not in my name"})
    got = api.get(task["id"])
    assert (got["status"], got["reason"]) == ("failed", "rejected")
    assert "not in my name" in str(api.events(task["id"]))


def test_kill_fails_a_running_task_at_once_and_keeps_nothing_said_later(api, graded):
    task = grade(api, "slow")
    api.start(task["id"])
    api.wait_for(task["id"], "in_progress")
    killed = api.http.post(f"/tasks/{task['id']}/kill").json()
    assert (killed["status"], killed["reason"]) == ("failed", "killed")
    events = api.events(task["id"])
    assert [e["event"] for e in events][-1] == "done"
    assert killed["attempts"][0]["exitReason"] == "killed"
    assert api.refusal("POST", f"/tasks/{task['id']}/kill")[0] == 409


def test_kill_cancels_a_waiting_approval(api, graded):
    task = grade(api, "5", sideEffects=True)
    api.start(task["id"])
    api.wait_for(task["id"], "awaiting_approval")
    assert api.http.post(f"/tasks/{task['id']}/kill").json()["status"] == "failed"
    assert api.http.get("/approvals").json()[0]["status"] == "cancelled"


def test_a_group_runs_in_the_order_of_its_dependencies(api):
    api.create(title="c", group="g", dependsOn=["a", "b"])
    api.create(title="a", group="g")
    api.create(title="b", group="g", dependsOn=["a"])
    answer = api.http.post("/groups/g/run")
    assert answer.status_code == 202
    assert [t["title"] for t in answer.json()] == ["a", "b", "c"]
    for task in answer.json():
        api.events(task["id"])
    done = {t["title"]: t for t in api.http.get("/tasks", params={"group": "g"}).json()}
    assert {t["status"] for t in done.values()} == {"done"}
    assert done["a"]["updatedAt"] <= done["b"]["updatedAt"] <= done["c"]["updatedAt"]
    status, error = api.refusal("POST", "/groups/g/run")
    assert (status, error["code"]) == (409, "INVALID_STATE")


def test_a_failed_dependency_fails_its_dependents(api, graded):
    api.create(
        title="a",
        group="g",
        assignTo="pupil",
        description="crash",
        maxRetries=0,
    )
    api.create(title="b", group="g", dependsOn=["a"])
    api.create(title="c", group="g", dependsOn=["b"])
    for task in api.http.post("/groups/g/run").json():
        last = api.events(task["id"])[-1]
    assert (last["event"], last["reason"]) == ("done", "dependency")
    tasks = api.http.get("/tasks", params={"group": "g"}).json()
    assert [t["reason"] for t in tasks] == ["crash", "dependency", "dependency"]
