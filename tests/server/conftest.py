"""A real server on loopback for each test, spoken to with a plain HTTP client."""

from __future__ import annotations

import json
from collections.abc import Iterator
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

    def refusal(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        answer = self.http.request(method, path, **options)
        return answer.status_code, answer.json()["error"]


def parse_sse(text: str) -> list[dict[str, Any]]:
    """Read a whole stream the way the specification says, for comparison."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")
        )
        if fields:
            events.append(
                {"event": fields["event"], "id": int(fields["id"]), **json.loads(fields["data"])}
            )
    return events


@pytest.fixture
def api(lab: Lab) -> Iterator[Api]:
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
