"""Streams: read exactly, cut anywhere, gone on after any break, followed, left, limited."""

from __future__ import annotations

import asyncio
import gc
import threading
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polpo_lab.client import AsyncPolpo, Polpo, Retries
from polpo_lab.errors import (
    ConnectionFailed,
    NotFound,
    PolpoLabError,
)
from polpo_lab.models import DoneEvent, OutputEvent, StatusEvent, Task, UnknownEvent
from tests.client.scripted_server import (
    EVENTS,
    EVENTS_CALL,
    EXECUTE,
    GET,
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
    sends,
    sse,
    types,
)

DRAFT = Task.model_validate(TASK)
WHOLE = b"".join(RECORDING)


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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.sampled_from([b"event: done\n", b"data: {}\n\n", b"id: 3\n", *RECORDING]),
        ),
        max_size=12,
    )
)
def test_any_bytes_end_in_events_or_in_an_error_of_ours(connect, pieces):
    async def script(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        for piece in pieces:
            await out.chunk(piece)
        await out.end()

    p, _ = connect(FakePolpo(on={EXECUTE: script, EVENTS_CALL: script}))
    try:
        events = list(p.tasks.execute(DRAFT))
    except PolpoLabError:
        return
    assert all(isinstance(event.type, str) for event in events)


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
