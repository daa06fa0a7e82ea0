"""A real server on loopback for each test, spoken to with a plain HTTP client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from polpo_lab.lab import Lab, connect


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    with connect(data=tmp_path / "data") as connected:
        yield connected


@dataclass
class Api:
    """The server's API over a plain client: no code of ours between test and socket."""

    http: httpx.Client

    def create(self, **fields: Any) -> dict[str, Any]:
        body = {"title": "t", "description": "d", "assignTo": "ok", **fields}
        answer = self.http.post("/tasks", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def get(self, task_id: str) -> dict[str, Any]:
        return self.http.get(f"/tasks/{task_id}").json()

    def events(self, task_id: str, after: int | None = None) -> list[dict[str, Any]]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        answer = self.http.get(f"/tasks/{task_id}/events", headers=headers)
        return parse_sse(answer.text)

    def execute(self, task_id: str) -> list[dict[str, Any]]:
        answer = self.http.post(f"/tasks/{task_id}/execute")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        return parse_sse(answer.text)

    def run(self, **fields: Any) -> dict[str, Any]:
        task = self.create(**fields)
        self.execute(task["id"])
        return self.get(task["id"])

    def start(self, task_id: str) -> None:
        """Execute a task and leave its stream at once: it runs on without a reader."""
        with self.http.stream("POST", f"/tasks/{task_id}/execute") as answer:
            assert answer.status_code == 200

    def wait_for(self, task_id: str, status: str, *, attempt: int = 1) -> dict[str, Any]:
        """Read the task's stream until an attempt of it is in a status; return the task."""
        with self.http.stream("GET", f"/tasks/{task_id}/events") as stream:
            for line in stream.iter_lines():
                event = json.loads(line[6:]) if line.startswith("data: ") else {}
                if event.get("status") == status and event["attempt"] >= attempt:
                    return self.get(task_id)
        raise AssertionError(f"{task_id} came to rest as {self.get(task_id)['status']}")

    def refusal(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Make a call that is refused; return the status and the error, whose shape is checked."""
        answer = self.http.request(method, path, **options)
        assert answer.headers["content-type"] == "application/json", answer.text
        body = answer.json()
        assert set(body) == {"error"}, body
        assert set(body["error"]) == {"code", "message", "details"}
        return answer.status_code, body["error"]


def parse_sse(text: str) -> list[dict[str, Any]]:
    """Read a whole stream the way the specification says, for comparison."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")
        )
        if fields:
            events.append(
                {**json.loads(fields["data"]), "event": fields["event"], "id": int(fields["id"])}
            )
    return events


@contextmanager
def spoken_to(lab: Lab) -> Iterator[Api]:
    """Give a lab the agent ``ok`` and speak to its server with a plain client."""
    assert lab.key is not None

    @lab.agent(isolation="inline", name="ok")
    async def ok(task):
        return f"did {task.title}"

    with httpx.Client(
        base_url=f"{lab.url}/v1",
        headers={"Authorization": f"Bearer {lab.key.get_secret_value()}"},
        timeout=30,
    ) as http:
        yield Api(http)


@pytest.fixture
def speak():
    """Return `spoken_to`, for tests that connect by themselves."""
    return spoken_to


@pytest.fixture
def api(lab: Lab) -> Iterator[Api]:
    with spoken_to(lab) as speaker:
        yield speaker


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory) -> Iterator[Lab]:
    """A lab for a whole module, for tests that leave nothing behind in it."""
    with connect(data=tmp_path_factory.mktemp("shared") / "data") as connected:
        yield connected


@pytest.fixture(scope="module")
def shared_api(shared_lab: Lab) -> Iterator[Api]:
    with spoken_to(shared_lab) as speaker:
        yield speaker
