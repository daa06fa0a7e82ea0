"""The stream of a task: ids, replay, readers that leave or are slow, chunks, hostile output."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from polpo_lab import ToolUse
from polpo_lab.agents.inline import InlineAgent
from polpo_lab.server.embedded import EmbeddedServer

CHUNK_BYTES = 32 * 1024
HOSTILE = "<script>alert(1)</script>\x1b[31mred\x1b[0m\x00\u2028\u2029\u0085\r\ndata: x\n\nid: 9\n"


def output(events, stream=None):
    chunks = [e for e in events if e["event"] == "output" and stream in (None, e["stream"])]
    return "".join(e["text"] for e in chunks)


@pytest.fixture
def gate(lab):
    """An agent that says something, then waits until the test lets it go on."""
    opened = threading.Event()

    @lab.agent(isolation="inline")
    async def gated(task):
        yield "before "
        while not opened.is_set():
            await asyncio.sleep(0.01)
        yield "after"

    yield opened
    opened.set()


def test_ids_rise_from_one_without_gaps_over_every_run_of_a_task(api, lab):
    @lab.agent(isolation="inline")
    async def crasher(task):
        yield f"attempt {task.attempt}"
        raise RuntimeError("no")

    task = api.create(assignTo="crasher", maxRetries=1)
    first = api.execute(task["id"])
    second = api.execute(task["id"])
    everything = api.events(task["id"])
    assert [e["id"] for e in everything] == list(range(1, len(everything) + 1))
    assert everything == first + second
    assert sum(e["event"] == "done" for e in first) == 1
    assert sum(e["event"] == "done" for e in second) == 1
    assert first[-1]["event"] == second[-1]["event"] == "done"
    assert all({"attempt", "round", "at"} <= set(e) for e in everything)


def test_a_stream_replays_from_the_last_event_id_and_ends_at_rest(api):
    task = api.create()
    everything = api.execute(task["id"])
    for after in (0, 3, len(everything) - 1, len(everything), 10**25):
        assert api.events(task["id"], after=after) == everything[after:]
    for unreadable in ("x", "-1", "1.5", ""):
        answer = api.http.get(f"/tasks/{task['id']}/events", headers={"Last-Event-ID": unreadable})
        assert answer.text.count("event: ") == len(everything)


def test_execute_with_a_last_event_id_never_starts_anything(api, gate):
    task = api.create(assignTo="gated")
    path = f"/tasks/{task['id']}/execute"
    done = api.run()
    answer = api.http.post(f"/tasks/{done['id']}/execute", headers={"Last-Event-ID": "2"})
    assert (answer.status_code, answer.text.count("event: done")) == (200, 1)
    assert api.get(done["id"])["attempts"] == done["attempts"]
    with api.http.stream("POST", path, headers={"Last-Event-ID": "0"}) as stream:
        assert stream.status_code == 200
        assert api.get(task["id"])["status"] == "draft"
    api.start(task["id"])
    gate.set()
    again = api.http.post(path, headers={"Last-Event-ID": "0"})
    assert again.text.count("event: done") == 1
    assert len(api.get(task["id"])["attempts"]) == 1


def test_a_reader_that_leaves_does_not_stop_the_task_and_others_see_all(api, gate):
    task = api.create(assignTo="gated")
    api.start(task["id"])
    with ThreadPoolExecutor(20) as pool:
        readers = [pool.submit(api.events, task["id"]) for _ in range(20)]
        with api.http.stream("GET", f"/tasks/{task['id']}/events") as leaver:
            next(leaver.iter_lines())
        gate.set()
        streams = [reader.result() for reader in readers]
    assert output(streams[0]) == "before after"
    assert all(stream == streams[0] for stream in streams)
    assert api.get(task["id"])["status"] == "done"


def test_output_is_sent_while_the_agent_runs(api, gate):
    task = api.create(assignTo="gated")
    with api.http.stream("POST", f"/tasks/{task['id']}/execute") as stream:
        lines = stream.iter_lines()
        assert any("before " in line for line in lines)
        assert api.get(task["id"])["status"] == "in_progress"
        gate.set()
        assert any("after" in line for line in lines)


def test_a_slow_reader_holds_nobody_up_and_misses_nothing(api, lab):
    @lab.agent(isolation="inline")
    async def flood(task):
        for n in range(3000):
            yield f"{n:06} " + "x" * 10_000
            if n % 50 == 0:
                await asyncio.sleep(0)

    task = api.create(assignTo="flood")
    address = httpx.URL(lab.url)
    with socket.create_connection((address.host, address.port)) as slow:
        request = (
            f"GET /v1/tasks/{task['id']}/events HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {api.http.headers['authorization']}\r\nConnection: close\r\n\r\n"
        )
        slow.sendall(request.encode())
        assert slow.recv(64).startswith(b"HTTP/1.1 200")
        events = api.execute(task["id"])  # to its end, while the slow one reads nothing
        received = b""
        while data := slow.recv(1 << 20):
            received += data
    assert len(output(events)) == 3000 * 10_007
    assert received.count(b"\nid: ") == len(events)


def test_what_comes_at_once_is_one_chunk_and_none_is_over_32_kib(api, lab):
    @lab.agent(isolation="inline")
    async def chatty(task):
        for n in range(100):
            yield f"{n} "
        yield ToolUse("look", input={"n": 1}, output="seen")
        yield "é€😀" * 20_000

    events = api.execute(api.create(assignTo="chatty")["id"])
    chunks = [e for e in events if e["event"] in ("output", "tool_use")]
    assert chunks[0]["text"] == "".join(f"{n} " for n in range(100))
    assert (chunks[1]["tool"], chunks[1]["input"], chunks[1]["output"]) == (
        "look",
        {"n": 1},
        "seen",
    )
    assert max(len(c["text"].encode()) for c in chunks[2:]) <= CHUNK_BYTES
    assert output(chunks[2:]) == "é€😀" * 20_000
    assert len(chunks) <= 2 + len(("é€😀" * 20_000).encode()) // CHUNK_BYTES + 2


def test_hostile_output_stays_data(api, lab):
    @lab.agent(isolation="inline")
    async def hostile(task):
        yield HOSTILE
        yield "lone \ud800 surrogate"
        yield ToolUse("\udfffrm", input={"\ud801": HOSTILE, "nan": float("nan")})
        raise RuntimeError(f"\ud802 {HOSTILE}")

    task = api.run(assignTo="hostile", maxRetries=0)
    events = api.events(task["id"])
    assert output(events) == HOSTILE + "lone \ufffd surrogate"
    assert [e["id"] for e in events] == list(range(1, len(events) + 1))
    (tool,) = [e for e in events if e["event"] == "tool_use"]
    assert tool["tool"] == "\ufffdrm"
    assert HOSTILE in task["result"]["error"]
    assert task["result"]["content"] == HOSTILE + "lone \ufffd surrogate"


def test_a_file_with_a_name_that_is_no_text_harms_nothing(api, lab):
    lab.agent(name="namer", argv=["/bin/sh", "-c", r"printf x > $(printf '\377\376'); echo ok"])
    task = api.run(assignTo="namer")
    assert task["status"] == "done"
    assert api.run()["status"] == "done"


def test_a_hundred_megabytes_without_a_newline_are_kept_and_bounded(api, lab):
    size = 100 * 10**6
    lab.agent(name="roar", argv=["/bin/sh", "-c", f"head -c {size} /dev/zero | tr '\\0' z"])
    task = api.create(assignTo="roar")
    streamed = 0
    with api.http.stream("POST", f"/tasks/{task['id']}/execute", timeout=120) as stream:
        for data in stream.iter_bytes():
            streamed += data.count(b"z")
    got = api.get(task["id"])
    assert got["status"] == "done", got["result"]
    assert streamed >= size  # and the few z of the result that ends the stream
    content = got["result"]["content"]
    assert got["result"]["truncated"] is True
    assert content.startswith("z" * 512 * 1024)
    assert content.endswith("z" * 512 * 1024)
    assert f"{size - 2**20:,} characters left out" in content


def test_a_silent_stream_says_that_it_is_still_there(tmp_path):
    async def silent(task):
        await asyncio.sleep(60)

    server = EmbeddedServer(tmp_path / "data", token="t", agents=[InlineAgent(silent)])
    server.settings = dataclasses.replace(server.settings, keep_alive_seconds=0.05)
    server.start()
    try:
        with httpx.Client(
            base_url=f"{server.url}/v1", headers={"Authorization": "Bearer t"}
        ) as http:
            body = {"title": "t", "description": "d", "assignTo": "silent"}
            task = http.post("/tasks", json=body).json()
            with http.stream("POST", f"/tasks/{task['id']}/execute") as stream:
                lines = stream.iter_lines()
                assert any(line.startswith(":") for line in lines)
    finally:
        server.stop()
