"""kill -9 of a real server under load: nothing accepted is lost, nothing runs, ids go on."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.server.serving import Served, read_events, serve_command, serving

INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
AGENTS = """
[agents.talker]
kind = "function"
target = "load_agents:talker"
isolation = "inline"
[agents.thinker]
kind = "function"
target = "load_agents:thinker"
[agents.program]
kind = "command"
argv = ["/bin/sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.05; done; echo $i > out"]
"""
CODE = """
import asyncio, time

async def talker(task):
    for n in range(20):
        yield f"{n} "
        await asyncio.sleep(0.01)
    if task.attempt == 1:
        raise RuntimeError("try again")

def thinker(task):
    for n in range(5):
        yield f"{n} "
        time.sleep(0.02)
"""


@pytest.fixture
def agents(tmp_path) -> Path:
    (tmp_path / "load_agents.py").write_text(CODE)
    path = tmp_path / "agents.toml"
    path.write_text(AGENTS)
    return path


def under_load(server: Served, accepted: dict[str, list[dict]], number: int) -> None:
    """Create and execute tasks, and note what the server has told of each until it is gone."""
    agent = ("talker", "program", "talker", "thinker")[number % 4]
    body = {"title": f"{number}", "description": "d", "assignTo": agent, "maxRetries": 1}
    with contextlib.suppress(httpx.TransportError):
        while True:
            task_id = server.http.post("/tasks", json=body).json()["id"]
            told = accepted[task_id] = []
            with server.http.stream("POST", f"/tasks/{task_id}/execute") as stream:
                text = ""
                for piece in stream.iter_text():
                    text += piece
                    told[:] = read_events(text)


def agent_processes(data: Path) -> list[str]:
    """Return the processes that work in a workspace of the data folder."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and str(data) in os.readlink(process / "cwd"):
                found.append((process / "cmdline").read_text())
    return found


def check_recovered(server: Served, accepted: dict[str, list[dict]]) -> None:
    tasks = {t["id"]: t for t in server.http.get("/tasks").json()}
    assert set(accepted) <= set(tasks)
    named = " ".join(server.lines)
    for task in tasks.values():
        assert task["status"] in {"draft", "pending", "failed", "done"}
        assert task["phase"] is None
        if task["status"] == "pending":
            assert task["queued"] is False
            assert "unqueued" in named
        if task["status"] == "failed":
            assert task["reason"] == "interrupted"
    for task_id, told in accepted.items():
        if tasks[task_id]["status"] not in {"failed", "done"}:
            continue  # its stream would wait for its next run
        events = server.events(task_id)
        assert events[: len(told)] == told
        assert [e["id"] for e in events] == list(range(1, len(events) + 1))
        assert sum("durationMs" in e and "retries" in e for e in events) == 1


def one_more_run(server: Served, accepted: dict[str, list[dict]]) -> None:
    """Execute a task again that was cut off: ids go on after those before the kill."""
    (again, *_) = [
        t["id"]
        for t in server.http.get("/tasks").json()
        if t["status"] in {"failed", "pending", "draft"} and t["id"] in accepted
    ] or [None]
    if again is None:
        return
    text = server.http.post(f"/tasks/{again}/execute").text
    ids = [e["id"] for e in read_events(text)]
    assert ids[0] > max((e["id"] for e in accepted[again]), default=0)
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert server.http.get(f"/tasks/{again}").json()["status"] == "done"


def kill_and_recover(data: Path, agents: Path, *, seed: int) -> None:
    accepted: dict[str, list[dict]] = {}
    moment = random.Random(seed).uniform(0.05, 1.2)
    with serving(data, agents) as server:
        load = [threading.Thread(target=under_load, args=(server, accepted, n)) for n in range(6)]
        for thread in load:
            thread.start()
        load[0].join(moment)
        server.kill()
        for thread in load:
            thread.join()
    with serving(data, agents) as server:
        check_recovered(server, accepted)
        assert agent_processes(data) == []
        one_more_run(server, accepted)
        assert server.stop() == INTERRUPTED
    assert agent_processes(data) == []


@pytest.mark.parametrize("seed", range(6))
def test_kill_9_at_a_random_moment_loses_nothing(tmp_path, agents, seed):
    kill_and_recover(tmp_path / "data", agents, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_at_fifty_random_moments_loses_nothing(tmp_path, agents):
    for seed in range(100, 150):
        kill_and_recover(tmp_path / f"data{seed}", agents, seed=seed)


def test_what_waited_is_unqueued_and_what_awaits_approval_is_kept(tmp_path, agents):
    data = tmp_path / "data"
    body = {"description": "d", "assignTo": "program", "sideEffects": True}
    with serving(data, agents, "--concurrency", "1") as server:
        asked, running, waiting = (
            server.http.post("/tasks", json={**body, "title": title}).json()["id"]
            for title in ("asked", "running", "waiting")
        )
        with server.http.stream("POST", f"/tasks/{asked}/execute") as stream:
            assert any("awaiting_approval" in line for line in stream.iter_lines())
        with server.http.stream("POST", f"/tasks/{running}/execute") as stream:
            assert any('"output' in line or "event: output" in line for line in stream.iter_lines())
        server.execute(waiting)
        server.kill()
    with serving(data, agents) as server:
        states = {
            t["title"]: (t["status"], t.get("reason")) for t in server.http.get("/tasks").json()
        }
        assert states == {
            "asked": ("awaiting_approval", None),
            "running": ("failed", "interrupted"),
            "waiting": ("pending", None),
        }
        assert f"1 unqueued: 'waiting' ({waiting})" in " ".join(server.lines)
        cut_off = server.http.get(f"/tasks/{running}").json()["attempts"][0]
        assert cut_off["exitReason"] == "interrupted"
        assert cut_off["result"]["content"].startswith("1")
        (approval,) = server.http.get("/approvals", params={"status": "pending"}).json()
        server.http.post(f"/approvals/{approval['id']}/approve")
        assert server.http.get(f"/tasks/{asked}").json()["status"] == "done"


def test_a_graceful_stop_ends_streams_and_interrupts_what_runs(tmp_path, agents):
    data = tmp_path / "data"
    with serving(data, agents) as server:
        body = {"title": "t", "description": "d", "assignTo": "program"}
        task_id = server.http.post("/tasks", json=body).json()["id"]
        with server.http.stream("POST", f"/tasks/{task_id}/execute") as stream:
            lines = stream.iter_lines()
            assert any("event: output" in line for line in lines)
            assert server.stop() == INTERRUPTED
            assert any('"interrupted"' in line for line in lines)
        assert agent_processes(data) == []
    with serving(data, agents) as server:
        task = server.http.get(f"/tasks/{task_id}").json()
        assert (task["status"], task["reason"]) == ("failed", "interrupted")


def test_a_second_server_on_a_folder_refuses_and_names_the_first(tmp_path, agents):
    data = tmp_path / "data"
    with serving(data, agents) as first:
        second = subprocess.run(
            serve_command("--data", data, "--agents", agents),
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert second.returncode == 1
        assert f"in use by the server at {first.url} (process {first.process.pid})" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.http.get("/health").json()["status"] == "ok"
