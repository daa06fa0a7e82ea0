"""Streams: read exactly, gone on after any break, execute never sent twice, nothing invented."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polpo_lab.client import AsyncPolpo, Polpo, Retries
from polpo_lab.errors import (
    ConnectionFailed,
    InvalidResponse,
    InvalidState,
    NotFound,
    PolpoLabError,
    UnsupportedByServer,
)
from polpo_lab.models import DoneEvent, OutputEvent, StatusEvent, Task, UnknownEvent
from tests.client.scripted_server import (
    EVENTS,
    QUICK,
    RECORDING,
    SSE,
    TASK,
    TYPES,
    Drop,
    FakePolpo,
    Out,
    Seen,
    at,
    sse,
)

EXECUTE, EVENTS_CALL, GET = (
    "POST /v1/tasks/task_1/execute",
    "GET /v1/tasks/task_1/events",
    "GET /v1/tasks/task_1",
)
DRAFT = Task.model_validate(TASK)
WHOLE = b"".join(RECORDING)


def types(events):
    return [e.type for e in events]


def sends(data: bytes, *, ends: bool = True):
    async def script(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        await out.chunk(data)
        if not ends:
            raise Drop
        await out.end()

    return script


def test_events_are_typed_and_numbered(serve, events_of):
    events = events_of(serve(FakePolpo()).url, DRAFT)
    assert types(events) == TYPES
    assert [e.event_id for e in events] == list(range(1, 11))
    assert events[3].text == EVENTS[3][1]["text"]  # U+2028 and U+0085 cut nothing
    assert events[-1].score == 4.5


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, len(WHOLE) - 1), max_size=40))
def test_chunks_may_be_cut_anywhere(connect, cuts):
    borders = [0, *sorted(set(cuts)), len(WHOLE)]

    async def script(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        for start, stop in pairwise(borders):
            await out.chunk(WHOLE[start:stop])
        await out.end()

    p, _ = connect(FakePolpo(on={EXECUTE: script}))
    events = list(p.tasks.execute(DRAFT))
    assert types(events) == TYPES
    assert [e.text for e in events if e.type == "output"] == [EVENTS[3][1]["text"], "😀 emoji"]


def test_one_byte_at_a_time(serve, events_of):
    async def script(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        for i in range(len(WHOLE)):
            await out.chunk(WHOLE[i : i + 1])
        await out.end()

    assert types(events_of(serve(FakePolpo(on={EXECUTE: script})).url, DRAFT)) == TYPES


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_of_the_specification(serve, events_of, line_end):
    server = serve(FakePolpo(on={EXECUTE: sends(WHOLE.replace(b"\n", line_end))}))
    assert types(events_of(server.url, DRAFT)) == TYPES


def test_byte_order_mark_keep_alives_and_a_lying_charset(serve, events_of):
    noisy = b"\xef\xbb\xbf" + b": hello\n\n" + b": keep-alive\n\n".join(RECORDING)

    async def script(seen: Seen, out: Out) -> None:
        await out.raw(SSE.replace(b"event-stream", b"event-stream; charset=utf-16"))
        await out.chunk(noisy)
        await out.end()

    events = events_of(serve(FakePolpo(on={EXECUTE: script})).url, DRAFT)
    assert types(events) == TYPES
    assert events[5].text == "😀 emoji"


def test_payloads_that_are_not_json_and_names_that_are_not_known(serve, events_of):
    odd = [
        sse(1, "output", "plain words"),
        sse(2, "novelty", '{"a": 1}'),
        sse(3, "assessment", "[1, 2"),
        b"event: output\nid: 4\ndata: \xff\xfe broken\n\n",
        b"id: 99999999999999999999999999\nevent: output\ndata: huge id\n\n",
        sse(5, "done", at(status="done")),
    ]
    events = events_of(serve(FakePolpo(on={EXECUTE: sends(b"".join(odd))})).url, DRAFT)
    assert types(events) == ["output", "novelty", "assessment", "output", "output", "done"]
    assert events[0].text == "plain words"
    assert isinstance(events[2], UnknownEvent)
    assert events[3].text == "\ufffd\ufffd broken"


@pytest.mark.parametrize("cut", range(0, len(WHOLE), 17))
def test_a_stream_cut_at_any_byte_is_resumed_without_loss_or_repeat(connect, cut):
    polpo = FakePolpo(on={EXECUTE: sends(WHOLE[:cut], ends=False)})
    p, server = connect(polpo)
    events = list(p.tasks.execute(DRAFT))
    assert [(e.type, e.event_id) for e in events] == list(zip(TYPES, range(1, 11), strict=True))
    assert server.calls().count(EXECUTE) == 1
    assert EVENTS_CALL in server.calls()


def test_it_may_break_more_often_than_resumptions_are_allowed_in_a_row(serve, events_of):
    polpo = FakePolpo(on={EXECUTE: sends(RECORDING[0] + RECORDING[1][:9], ends=False)})

    async def one_more(seen: Seen, out: Out) -> None:
        rest = polpo.behind(seen)
        await sends(rest[0] + b"".join(rest[1:])[:20], ends=False)(seen, out)

    polpo.on[EVENTS_CALL] = one_more
    server = serve(polpo)
    events = events_of(server.url, DRAFT, retries=Retries(3, 0.001, 0.01, resumptions=2))
    assert types(events) == TYPES
    assert server.calls().count(EXECUTE) == 1
    assert server.calls().count(EVENTS_CALL) == 9


def test_events_that_a_server_repeats_are_dropped(serve, events_of):
    polpo = FakePolpo(on={EXECUTE: sends(b"".join(RECORDING[:4]), ends=False)})
    polpo.on[EVENTS_CALL] = sends(WHOLE)  # ignores Last-Event-ID
    assert types(events_of(serve(polpo).url, DRAFT)) == TYPES


def test_a_stream_that_ends_early_is_not_the_end_of_the_task(serve, events_of):
    polpo = FakePolpo(on={EXECUTE: sends(b"".join(RECORDING[:6]))})
    polpo.task["status"] = "in_progress"
    server = serve(polpo)
    assert types(events_of(server.url, DRAFT)) == TYPES
    resumed = [s for s in server.seen if str(s) == EVENTS_CALL]
    assert [s.headers["last-event-id"] for s in resumed] == ["6"]


def test_resuming_gives_up_after_a_bounded_number_of_tries(serve, events_of):
    async def gone(seen: Seen, out: Out) -> None:
        raise Drop

    polpo = FakePolpo(on={EXECUTE: sends(RECORDING[0], ends=False), EVENTS_CALL: gone})
    server = serve(polpo)
    with pytest.raises(ConnectionFailed, match=r"could not be resumed in 5 tries.*task itself"):
        events_of(server.url, DRAFT)
    assert server.calls().count(EVENTS_CALL) == 5


def test_a_silent_connection_is_taken_up_again(serve):
    from polpo_lab.client import Timeouts

    async def silent(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        await out.chunk(RECORDING[0])
        await asyncio.Event().wait()

    server = serve(FakePolpo(on={EXECUTE: silent}))
    with Polpo(server.url, retries=QUICK, timeout=Timeouts(silence=0.2)) as p:
        assert types(p.tasks.execute(DRAFT)) == TYPES


# --- execute is never sent twice for one request ---


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


def test_follow_is_for_the_embedded_server(connect):
    p, _ = connect(FakePolpo(embedded=False))
    with pytest.raises(UnsupportedByServer, match=r"poll tasks\.get"):
        p.tasks.follow("task_1")


# --- following, leaving, running ---


def test_follow_replays_from_where_it_is_told(connect):
    p, _ = connect(FakePolpo())
    with p.tasks.follow("task_1", last_event_id=7) as stream:
        assert types(stream) == ["assessment", "status", "done"]
        assert stream.last_event_id == 10
    assert p.dialect() == "embedded"


def test_follow_of_an_unknown_task_is_refused_at_once(connect):
    p, _ = connect(FakePolpo())
    with pytest.raises(NotFound):
        p.tasks.follow("task_2")


def test_closing_a_stream_closes_its_connection(connect):
    gone = threading.Event()

    async def talks_on(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        try:
            while True:
                await out.chunk(RECORDING[0])
                await asyncio.sleep(0.001)
        finally:
            gone.set()

    p, _ = connect(FakePolpo(on={EXECUTE: talks_on}))
    with p.tasks.execute(DRAFT) as stream:
        assert isinstance(next(stream), StatusEvent)
    assert gone.wait(5)
    assert list(stream) == []
    gone.clear()
    for _ in p.tasks.execute(DRAFT):
        break
    assert gone.wait(5)


async def test_leaving_an_async_stream_by_break_closes_its_connection(serve):
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def talks_on(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        try:
            while True:
                await out.chunk(RECORDING[0])
                await asyncio.sleep(0.001)
        finally:
            loop.call_soon_threadsafe(gone.set)

    async with AsyncPolpo(serve(FakePolpo(on={EXECUTE: talks_on})).url) as p:
        async for _ in p.tasks.execute(DRAFT):
            break
        gc.collect()
        await asyncio.wait_for(gone.wait(), 5)


def test_run_creates_executes_reads_and_returns_the_task(connect):
    polpo = FakePolpo()
    p, server = connect(polpo)
    heard = []
    task = p.run("a", "Say hello\nand more", expect="It is polite", on_event=heard.append, seed=3)
    assert types(heard) == TYPES
    assert task.id == "task_1"
    created = next(s for s in server.seen if str(s) == "POST /v1/tasks").json
    assert created["title"] == "Say hello"
    assert created["expectations"] == [{"criterion": "It is polite"}]
    assert created["seed"] == 3
    assert server.calls()[-1] == GET


def test_run_returns_when_an_approval_is_needed(connect):
    waiting = sse(4, "status", at(status="awaiting_approval"))

    async def stays_open(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        await out.chunk(b"".join(RECORDING[:3]) + waiting)
        await asyncio.Event().wait()

    polpo = FakePolpo(on={EXECUTE: stays_open})
    polpo.task["sideEffects"] = True
    p, _ = connect(polpo)
    polpo.task["status"] = "awaiting_approval"
    assert p.run("a", "Deploy", side_effects=True).status == "awaiting_approval"


async def test_async_run_awaits_its_listener(serve):
    heard = []

    async def listen(event) -> None:
        await asyncio.sleep(0)
        heard.append(event.type)

    async with AsyncPolpo(serve(FakePolpo()).url) as p:
        assert (await p.run("a", "Say hello", on_event=listen)).id == "task_1"
    assert heard == TYPES


def test_interrupting_run_ends_the_watching_and_says_how_to_end_the_task(connect):
    def interrupt(event) -> None:
        raise KeyboardInterrupt

    p, server = connect(FakePolpo())
    with pytest.raises(KeyboardInterrupt) as caught:
        p.run("a", "Say hello", on_event=interrupt)
    assert "tasks.kill('task_1')" in caught.value.__notes__[0]
    assert not any("kill" in call for call in server.calls())


async def test_500_streams_at_once(serve):
    everyone = asyncio.Event()
    open_now = 0

    async def waits_for_all(seen: Seen, out: Out) -> None:
        nonlocal open_now
        await out.raw(SSE)
        await out.chunk(RECORDING[0])
        open_now += 1
        if open_now == 500:
            everyone.set()
        await everyone.wait()
        await out.chunk(b"".join(RECORDING[1:]))
        await out.end()

    async with AsyncPolpo(serve(FakePolpo(on={EXECUTE: waits_for_all})).url) as p:

        async def read() -> list[str]:
            return [event.type async for event in p.tasks.execute(DRAFT)]

        assert await asyncio.gather(*(read() for _ in range(500))) == [TYPES] * 500


def test_streams_beyond_the_limit_wait_and_then_say_so(serve):
    from polpo_lab.client import Timeouts

    async def stays_open(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        await asyncio.Event().wait()

    server = serve(FakePolpo(on={EXECUTE: stays_open}))
    options = {"max_connections": 1, "timeout": Timeouts(pool=0.05), "retries": 0}
    with Polpo(server.url, **options) as p, p.tasks.execute(DRAFT):
        with pytest.raises(ConnectionFailed, match="raise max_connections"):
            p.tasks.execute(DRAFT)
        assert p.tasks.get("task_1").id == "task_1"  # calls do not wait for streams


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=300))
def test_no_bytes_raise_an_error_that_is_not_ours(connect, noise):
    polpo = FakePolpo(on={EXECUTE: sends(noise + b"\n\n", ends=True)})
    polpo.finish()
    p, _ = connect(polpo)
    try:
        events = list(p.tasks.execute(DRAFT))
    except PolpoLabError:
        return
    assert any(isinstance(e, DoneEvent | OutputEvent) for e in events)


def test_an_answer_that_is_not_a_stream_is_not_taken_for_one(connect):
    async def page(seen: Seen, out: Out) -> None:
        await out.reply(302, location="https://login.example/x?secret=1")

    p, _ = connect(FakePolpo(on={EXECUTE: page}))
    with pytest.raises(InvalidResponse, match=r"redirected to https://login\.example ") as caught:
        p.tasks.execute(DRAFT)
    assert "secret" not in str(caught.value)
