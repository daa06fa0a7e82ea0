"""Tasks run on a self-hosted server by the same words as anywhere, whatever its manners."""

from __future__ import annotations

import asyncio
import threading

import pytest

from polpo_lab.client import AsyncPolpo, Polpo, Retries
from polpo_lab.errors import Conflict, ConnectionFailed, InvalidState, NotFound
from polpo_lab.models import StatusEvent
from tests.selfhosted.imitation import Run
from tests.selfhosted.imitation_app import KEY

CHECKS = [
    "The text is kind",
    {"type": "test", "command": "grep -q hello one.txt"},
    {"type": "file_exists", "path": "one.txt"},
]


def run_plain(server, *args, **fields):
    with Polpo(server.url, KEY) as p:
        return p.run(*args, **fields)


def run_awaited(server, *args, **fields):
    async def run():
        async with AsyncPolpo(server.url, KEY) as p:
            return await p.run(*args, **fields)

    return asyncio.run(run())


@pytest.fixture(params=[run_plain, run_awaited])
def run(request):
    return request.param


def test_a_run_from_create_to_verdict(server, run):
    told = []
    task = run(server, "writer", "Write it", title="one", expect=CHECKS, on_event=told.append)
    assert (task.status, task.result.content, task.reason) == ("done", "Wrote the file.", None)
    assert (task.assessment.passed, task.assessment.score) == (True, 4.0)
    assert [(c.name, c.type, c.passed) for c in task.assessment.checks] == [
        ("The text is kind", "llm_review", True),
        ("grep -q hello one.txt", "script", True),
        ("one.txt", "file_exists", True),
    ]
    assert [s.dimension for s in task.assessment.scores][:2] == ["correctness", "completeness"]
    assert "Global score" in task.assessment.feedback
    assert [e.type for e in told if e.type != "phase"][-2:] == ["assessment", "done"]
    assert told[-1].passed is True
    assert server.calls("POST")[1:] == [f"POST /api/v1/tasks/{task.id}/queue"]


def test_fixes_and_retries_are_told_and_the_description_stays_the_users(serve, run):
    server = serve(review_seconds=0.3)
    told = []
    task = run(
        server,
        "writer",
        "Write it",
        title="one",
        expect=[{"type": "script", "command": "grep -q bye one.txt"}],
        max_retries=1,
        on_event=told.append,
    )
    # Run, two fixes, a retry, two fixes: with maxRetries=1 and maxFix=2.
    assert server.supervisor.runs == [task.id] * 6
    assert (task.status, task.reason, task.retries) == ("failed", "expectations", 1)
    assert task.description == "Write it"
    assert task.model_extra["currentDescription"].startswith("TARGETED FIX")
    places = [(e.attempt, e.round) for e in told if isinstance(e, StatusEvent)]
    assert places == sorted(places)
    assert {(1, 0), (1, 1), (2, 0), (2, 2)} <= set(places)
    assert told[-1].retries == 1
    assert told[-1].status == "failed"
    assert server.calls("POST")[1:] == [f"POST /api/v1/tasks/{task.id}/queue"]


def test_ends_of_a_run_are_named_as_far_as_the_server_proves_them(server, run):
    crashed = run(server, "crasher", "Crash", max_retries=0)
    assert (crashed.status, crashed.reason, crashed.result.error) == ("failed", "crash", "boom")
    late = run(server, "slow", "Sleep", max_duration=100, max_retries=0)
    assert (late.status, late.reason) == ("failed", "timeout")
    nobody = run(server, "nobody", "Nothing", max_retries=0)
    assert (nobody.status, nobody.reason, nobody.result) == ("failed", None, None)


def test_a_failed_task_is_executed_again_by_retry(server, lab):
    failing = lab.run("crasher", "Crash", max_retries=0)
    lab.tasks.update(failing, expectations=[])
    server.supervisor.agents["crasher"] = server.supervisor.agents["writer"]
    events = list(lab.tasks.execute(failing))
    assert events[-1].status == "done"
    assert server.calls("POST")[-1] == f"POST /api/v1/tasks/{failing.id}/retry"
    assert lab.tasks.get(failing).retries == 1


def test_an_outdated_task_is_looked_up_before_it_is_started(server, lab):
    failed = lab.run("crasher", "Crash", max_retries=0)
    server.supervisor.agents["crasher"] = server.supervisor.agents["writer"]
    list(lab.tasks.execute(failed))
    with pytest.raises(InvalidState, match="stands in 'done'"):
        lab.tasks.execute(failed)  # the object still says failed


def test_execute_where_it_makes_no_sense_is_refused(lab):
    task = lab.run("writer", "Write", title="one")
    with pytest.raises(InvalidState, match="stands in 'done': a draft or a failed task"):
        lab.tasks.execute(task)


def test_execute_is_never_sent_twice(server, lab):
    """Its answer is lost, but the task runs: it is looked up and followed."""
    task = lab.tasks.create(title="one", description="d", assign_to="writer")
    queue = f"POST /api/v1/tasks/{task.id}/queue"
    connections = lab.client._driver.connections
    exchange = connections.exchange

    def loses_an_answer(request):
        answer = exchange(request)
        if request.path.endswith("/queue"):
            from polpo_lab.client.exchange import Broken

            return Broken("the connection broke")
        return answer

    connections.exchange = loses_an_answer
    assert list(lab.tasks.execute(task))[-1].status == "done"
    assert server.calls().count(queue) == 1


def test_dependencies_are_named_by_title(server, lab):
    first = lab.tasks.create(title="first", description="d", assign_to="writer", group="g")
    second = lab.tasks.create(
        title="second", description="d", assign_to="writer", group="g", depends_on=["first"]
    )
    assert second.depends_on == [first.id]
    stream = lab.tasks.execute(second)
    list(lab.tasks.execute(first))
    assert list(stream)[-1].status == "done"
    assert server.supervisor.runs == [first.id, second.id]


def test_kill_stops_a_run_and_what_cannot_be_killed_is_refused(server, lab):
    task = lab.tasks.create(title="one", description="d", assign_to="slow")
    with pytest.raises(InvalidState, match=r"kill of task .* stands in 'draft'"):
        lab.tasks.kill(task)
    stream = lab.tasks.execute(task)
    while next(stream).status != "in_progress":
        pass
    killed = lab.tasks.kill(task)
    assert (killed.status, killed.phase, killed.reason) == ("failed", None, None)
    assert list(stream)[-1].status == "failed"
    with pytest.raises(InvalidState):
        lab.tasks.kill(task)
    done = lab.run("writer", "Write", title="two")
    with pytest.raises(InvalidState, match="'done'"):
        lab.tasks.kill(done)


def test_a_retry_after_a_kill_waits_for_the_killed_run_to_be_gone(server, lab):
    task = lab.tasks.create(title="one", description="d", assign_to="slow")
    stream = lab.tasks.execute(task)
    while next(stream).status != "in_progress":
        pass
    lab.tasks.kill(task)
    server.supervisor.agents["slow"] = lambda task, workdir: Run(stdout="second", seconds=1.5)
    lab.tasks.retry(task)
    assert list(lab.tasks.follow(task))[-1].status == "done"
    assert lab.tasks.get(task).result.content == "second"


def test_a_task_at_work_is_not_deleted_under_its_agent(server, lab):
    task = lab.tasks.create(title="one", description="d", assign_to="slow")
    lab.tasks.execute(task).close()
    with pytest.raises(InvalidState, match="delete of task"):
        lab.tasks.delete(task)
    lab.tasks.kill(task)
    lab.tasks.delete(task)
    with pytest.raises(NotFound, match="Task not found"):
        lab.tasks.get(task)


def test_a_task_deleted_meanwhile_ends_its_stream_in_words(server, run):
    def delete(event):
        server.supervisor.tasks.clear()

    with pytest.raises(NotFound, match="Task not found"):
        run(server, "slow", "Sleep", on_event=delete)


def test_a_restart_in_the_middle_is_lived_through(server, lab):
    server.supervisor.agents["two"] = lambda task, workdir: Run(stdout="made it", seconds=1.0)

    def restart():
        server.stop()
        server.start()

    task = lab.tasks.create(title="one", description="d", assign_to="two")
    stream = lab.tasks.execute(task)
    while next(stream).status != "in_progress":
        pass
    interruption = threading.Thread(target=restart)
    interruption.start()
    assert list(stream)[-1].status == "done"
    interruption.join()
    assert lab.tasks.get(task).result.content == "made it"
    assert server.supervisor.runs == [task.id] * 2


def test_a_server_that_stays_away_is_given_up(server):
    with Polpo(server.url, KEY, retries=Retries(1, 0.01, 0.02, resumptions=2)) as p:
        task = p.tasks.create(title="one", description="d", assign_to="slow")
        stream = p.tasks.execute(task)
        next(stream)
        server.stop()
        with pytest.raises(ConnectionFailed, match="The task itself goes on"):
            list(stream)
        server.start()


def test_without_events_looking_is_enough(serve, run):
    server = serve(has_events=False)
    assert run(server, "writer", "Write").status == "done"
    assert "GET /api/v1/events" in server.calls()


def test_events_are_listened_to_once_and_ask_for_tasks_only(server, lab):
    lab.run("writer", "Write")
    [heard] = [s for s in server.seen if s.call == "GET /api/v1/events"]
    assert heard.headers["x-api-key"] == KEY
    assert "last-event-id" not in heard.headers


# --- reassess, history, approvals ---


def test_reassessing_keeps_the_verdict_before_in_the_history(server, lab):
    task = lab.run(
        "writer", "Write", title="one", max_retries=0,
        expect={"type": "script", "command": "test -e later.txt"},
    )  # fmt: skip
    assert task.assessment.passed is False
    (server.supervisor.workdir / "later.txt").touch()
    again = lab.tasks.reassess(task)
    assert (again.status, again.assessment.passed, again.assessment.trigger) == (
        "done", True, "reassess",
    )  # fmt: skip
    assert [a.passed for a in again.assessment_history] == [False]
    assert lab.frame("checks")["passed"].tolist() == [False, True]


def test_reassessing_what_cannot_be_is_refused(lab):
    draft = lab.tasks.create(title="one", description="d", assign_to="writer")
    with pytest.raises(InvalidState, match="stands in 'draft'"):
        lab.tasks.reassess(draft)
    done = lab.run("writer", "Write", title="two")
    with pytest.raises(InvalidState, match="no expectations to be judged by"):
        lab.tasks.reassess(done)
    with pytest.raises(NotFound):
        lab.tasks.reassess("nowhere")
    with pytest.raises(InvalidState, match="it needs failed"):
        lab.tasks.retry(done)
    with pytest.raises(NotFound):
        lab.tasks.retry("nowhere")


def test_a_gate_is_approved_or_sent_back(serve, connect):
    server = serve(gate_on_completion=True)
    lab = connect(server)
    task = lab.run("writer", "Write", title="one")
    assert task.status == "awaiting_approval"
    [approval] = lab.approvals.list("pending")
    assert (approval.id, approval.task_id, approval.kind) == (task.approval_id, task.id, "complete")
    assert approval.created_at is not None
    rejected = lab.approvals.reject(approval, "Be kinder")
    assert (rejected.status, rejected.feedback) == ("rejected", "Be kinder")
    stream = lab.tasks.follow(task)
    while next(stream).type != "status" or lab.tasks.get(task).status != "awaiting_approval":
        pass
    assert lab.approvals.approve(lab.tasks.get(task).approval_id).status == "approved"
    assert list(stream)[-1].status == "done"
    with pytest.raises(Conflict, match="already resolved"):
        lab.approvals.approve(approval)


def test_a_failure_with_side_effects_is_approved_to_run_again_or_given_up(server, lab):
    """The server blocks it without any request that could be approved."""
    first = lab.run("crasher", "Send it", side_effects=True)
    assert (first.status, first.reason) == ("awaiting_approval", "crash")
    assert lab.approvals.list() == []
    server.supervisor.agents["crasher"] = server.supervisor.agents["writer"]
    approved = lab.approvals.approve(first.approval_id)
    assert (approved.status, approved.kind, approved.task_id) == ("approved", "rerun", first.id)
    assert list(lab.tasks.follow(first))[-1].status == "done"
    with pytest.raises(Conflict, match="waits no more"):
        lab.approvals.approve(first.approval_id)
    server.supervisor.agents["crasher"] = lambda task, workdir: Run(exit_code=1)
    second = lab.run("crasher", "Send it", title="again", side_effects=True)
    assert lab.approvals.reject(second.approval_id, "no").status == "rejected"
    assert lab.tasks.get(second).status == "failed"
