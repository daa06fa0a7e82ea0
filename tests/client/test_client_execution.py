"""Executing: sent once for one request, looked up when in doubt, and nothing false is told."""

from __future__ import annotations

import socket
import threading

import pytest

from polpo_lab.client import AsyncPolpo, Polpo, Retries
from polpo_lab.errors import (
    ConnectionFailed,
    InvalidResponse,
    InvalidState,
    NotFound,
    UnsupportedByServer,
)
from polpo_lab.models import Task
from tests.client.scripted_server import (
    EVENTS_CALL,
    EXECUTE,
    GET,
    QUICK,
    RECORDING,
    TASK,
    TYPES,
    Drop,
    FakePolpo,
    Out,
    Seen,
    at,
    sends,
    sse,
    types,
)

DRAFT = Task.model_validate(TASK)


@pytest.mark.parametrize("status", ["pending", "in_progress", "done", "failed"])
def test_execute_without_an_answer_is_looked_up_and_followed(serve, events_of, status):
    polpo = FakePolpo()

    async def starts_and_dies(seen: Seen, out: Out) -> None:
        polpo.task |= {"status": status, "queued": True}
        raise Drop

    polpo.on[EXECUTE] = starts_and_dies
    server = serve(polpo)
    assert types(events_of(server.url, DRAFT)) == TYPES
    assert server.calls().count(EXECUTE) == 1


async def _dies(seen: Seen, out: Out) -> None:
    raise Drop


@pytest.mark.parametrize("before", [{}, {"status": "failed", "retries": 1}])
def test_execute_that_never_started_says_so(serve, events_of, before):
    polpo = FakePolpo(on={EXECUTE: _dies})
    polpo.task |= before
    server = serve(polpo)
    with pytest.raises(ConnectionFailed, match=r"did not start.*not sent twice"):
        events_of(server.url, Task.model_validate(polpo.task))
    assert server.calls().count(EXECUTE) == 1


def test_execute_of_an_outdated_task_is_not_taken_for_finished(connect):
    polpo = FakePolpo()
    p, _ = connect(polpo)
    list(p.tasks.execute(DRAFT))
    polpo.finish("failed", updatedAt="2026-01-01T00:00:00Z")
    polpo.on[EXECUTE] = _dies
    with pytest.raises(ConnectionFailed, match=r"'failed': it did not start"):
        p.tasks.execute(DRAFT)  # the object still says draft


def test_a_rerun_that_breaks_at_once_does_not_replay_the_run_before(serve, events_of):
    again = [
        sse(11, "status", at(status="pending", attempt=2)),
        sse(12, "done", at(status="done", attempt=2)),
    ]
    polpo = FakePolpo(recording=RECORDING + again)
    polpo.task |= {"status": "failed"}

    async def starts_and_dies(seen: Seen, out: Out) -> None:
        polpo.task |= {"status": "pending", "retries": 1, "queued": True}
        raise Drop

    polpo.on[EXECUTE] = starts_and_dies
    events = events_of(serve(polpo).url, Task.model_validate(TASK | {"status": "failed"}))
    assert [(e.type, e.event_id) for e in events] == [("status", 11), ("done", 12)]


def test_execute_waits_for_a_server_that_is_not_up_yet(serve):
    """A refused connection reached nobody: execute is sent again, and arrives once."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    late = threading.Timer(0.2, lambda: serve(FakePolpo(), port=port))
    options = {"dialect": "embedded", "retries": Retries(60, 0.01, 0.05)}
    late.start()
    with Polpo(f"http://127.0.0.1:{port}", **options) as p:
        assert types(p.tasks.execute(DRAFT)) == TYPES


def test_a_server_that_never_comes_up_is_given_up(serve):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with (
        Polpo(url, dialect="embedded", retries=Retries(2, 0.001, 0.01)) as p,
        pytest.raises(ConnectionFailed, match="no connection"),
    ):
        p.tasks.execute(DRAFT)


def test_a_refusal_is_raised_by_the_call_itself(connect):
    async def refuses(seen: Seen, out: Out) -> None:
        error = {"code": "INVALID_STATE", "message": "task is done; retry needs failed"}
        await out.reply(409, {"error": error})

    p, _ = connect(FakePolpo(on={EXECUTE: refuses}))
    with pytest.raises(InvalidState, match=r"^task is done; retry needs failed$"):
        p.tasks.execute(DRAFT)


async def test_a_refusal_is_raised_when_the_async_stream_opens(serve):
    async def refuses(seen: Seen, out: Out) -> None:
        await out.reply(404, {"error": {"code": "NOT_FOUND", "message": "no such task"}})

    server = serve(FakePolpo(on={EXECUTE: refuses}))
    async with AsyncPolpo(server.url, retries=QUICK) as p:
        with pytest.raises(NotFound, match="no such task"):
            await p.tasks.execute(DRAFT)
        with pytest.raises(NotFound):
            async for _ in p.tasks.execute(DRAFT):
                pass


def test_an_empty_success_is_followed_all_the_same(serve, events_of):
    async def accepts(seen: Seen, out: Out) -> None:
        await out.reply(202)

    polpo = FakePolpo(on={EXECUTE: accepts})
    polpo.task |= {"status": "in_progress"}
    assert types(events_of(serve(polpo).url, DRAFT)) == TYPES


def test_a_task_that_nothing_runs_any_more_is_not_waited_for(serve, events_of):
    polpo = FakePolpo(on={EXECUTE: sends(RECORDING[0], ends=False)}, recording=RECORDING[:1])
    polpo.task |= {"status": "pending", "queued": False}
    with pytest.raises(InvalidState, match=r"'pending' and nothing runs it.*execute it again"):
        events_of(serve(polpo).url, DRAFT)


def test_a_done_that_the_server_lost_is_read_from_the_task(serve, events_of):
    polpo = FakePolpo(recording=RECORDING[:6])
    polpo.finish(reason=None)
    events = events_of(serve(polpo).url, DRAFT)
    assert types(events) == [*TYPES[:6], "status", "assessment", "done"]
    assert events[-1].event_id is None


# --- servers that cannot re-attach ---


def test_other_servers_are_polled_and_nothing_false_is_told(serve, events_of):
    polpo = FakePolpo(embedded=False, on={EXECUTE: sends(b"".join(RECORDING[:3]), ends=False)})
    story = iter(["in_progress", "in_progress", "review", "done"])

    async def moves(seen: Seen, out: Out) -> None:
        status = next(story)
        polpo.task["status"] = status
        if status == "done":
            polpo.finish(result={"content": "made it"})
        await out.reply(200, polpo.task)

    polpo.on[GET] = moves
    server = serve(polpo)
    events = events_of(server.url, DRAFT)
    assert types(events) == ["status"] * 3 + ["status", "status", "assessment", "done"]
    assert [e.status for e in events[3:5]] == ["review", "done"]
    assert events[-1].result.content == "made it"
    assert events[-1].passed is True
    assert server.calls().count(EXECUTE) == 1
    assert EVENTS_CALL not in server.calls()


def test_events_without_ids_of_other_servers_are_all_told(serve, events_of):
    said = [sse(1, "output", at(text="a")), sse(None, "output", at(text="a"))]
    said += [sse(None, "output", at(text="b")), sse(None, "done", at(status="done"))]
    polpo = FakePolpo(embedded=False, on={EXECUTE: sends(b"".join(said))})
    assert types(events_of(serve(polpo).url, DRAFT)) == ["output"] * 3 + ["done"]


def test_follow_looks_at_the_task_where_no_events_are_kept(connect):
    polpo = FakePolpo(embedded=False)
    polpo.finish()
    p, _ = connect(polpo, dialect="cloud")
    assert types(p.tasks.follow("task_1")) == ["status", "assessment", "done"]
    with pytest.raises(UnsupportedByServer, match=r"last_event_id=3.*numbers no events"):
        p.tasks.follow("task_1", last_event_id=3)


def test_an_answer_that_is_not_a_stream_is_not_taken_for_one(connect):
    async def page(seen: Seen, out: Out) -> None:
        await out.reply(302, location="https://login.example/x?secret=1")

    p, _ = connect(FakePolpo(on={EXECUTE: page}))
    with pytest.raises(InvalidResponse, match=r"redirected to https://login\.example ") as caught:
        p.tasks.execute(DRAFT)
    assert "secret" not in str(caught.value)
