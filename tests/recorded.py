"""Streams and tasks written by hand after the contract: what GET answers beside the stream.

Not made by the server: they are what frames, recordings and explanations are tested against
where no server is needed.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from polpo_lab.models import Event, Task, parse_event

START = "2026-11-24T10:00:00.000Z"


def at(seconds: float) -> str:
    """Return the wire's spelling of a moment, counted from `START`."""
    return f"2026-11-24T10:00:{seconds:06.3f}Z"


def stream(*events: tuple[str, dict[str, Any]]) -> list[Event]:
    """Read events as they stand on the wire, with ids rising from 1."""
    return [parse_event(name, json.dumps(data), n) for n, (name, data) in enumerate(events, 1)]


def check(**values: Any) -> dict[str, Any]:
    """Return a check that passed, but for what is given."""
    return {
        "index": 0, "name": "tests pass", "type": "test", "role": "gate", "passed": True,
        "score": 5.0, "weight": 1.0, "required": True, "hidden": True, "message": "exit code 0",
        "evidence": "3 passed", "durationMs": 250.0, **values,
    }  # fmt: skip


REVIEW = {
    "index": 1, "name": "The greeting is polite", "type": "criterion", "role": "gate",
    "passed": True, "score": 4.0, "weight": 1.0, "threshold": 3.0, "required": True,
    "hidden": False, "message": "4 of 5", "evidence": None, "durationMs": 12.0,
    "scores": [{"dimension": "overall", "score": 4, "weight": 1.0, "reasoning": "warm"}],
    "reviewers": [
        {"index": 0, "name": "polite", "score": 4.0, "reason": "warm",
         "scores": [{"dimension": "overall", "score": 4, "weight": 1.0, "reasoning": "warm"}]},
        {"index": 1, "name": "strict", "error": "timed out after 60 s"},
    ],
}  # fmt: skip


def assessment(attempt: int, round_: int, seconds: float, **values: Any) -> dict[str, Any]:
    """Return an assessment that passed, but for what is given."""
    return {
        "score": 4.5, "passed": True, "feedback": "well done", "checks": [check(), REVIEW],
        "scores": [], "trigger": "initial", "attempt": attempt, "round": round_,
        "startedAt": at(seconds - 0.3), "at": at(seconds), "usage": {"cost": 0.01}, **values,
    }  # fmt: skip


FAILED_CHECK = check(
    passed=False, score=1.0, message="exit code 1", evidence="line 1\nE  assert 3 == 4\n1 failed"
)
FAILED = {"score": 1.0, "passed": False, "feedback": "tests pass: exit code 1"}
FILE_V1 = {"path": "solution.py", "size": 20, "sha256": "a" * 64, "mediaType": "text/x-python"}
FILE_V2 = {**FILE_V1, "size": 24, "sha256": "b" * 64}


class Story:
    """Three rounds: a first run that fails, its fix that fails too, and a retry that passes.

    ``wire`` is what GET answers with attempts, ``events`` the stream that led there.
    """

    first = assessment(1, 0, 3, **FAILED, checks=[FAILED_CHECK], usage=None)
    fix = assessment(1, 1, 6, **FAILED, checks=[FAILED_CHECK], trigger="fix")
    retry = assessment(2, 0, 9, trigger="retry")
    rounds = (
        {
            "attempt": 1, "round": 0, "kind": "first", "agent": "enumerator",
            "agentVersion": "v1", "model": None, "seed": 11, "maxFixAttempts": 1,
            "exitReason": "ok", "startedAt": at(1), "endedAt": at(2.5),
            "result": {"content": "one", "filesCreated": ["solution.py"]},
            "usage": {"cost": 0.25, "tokensIn": 100, "tokensOut": 10, "waitingSeconds": 0.5},
            "files": [FILE_V1], "omittedFiles": [], "assessment": first,
            "phases": [
                {"phase": "execution", "startedAt": at(1), "endedAt": at(2.7)},
                {"phase": "review", "startedAt": at(2.7), "endedAt": at(4)},
            ],
        },
        {
            "attempt": 1, "round": 1, "kind": "fix", "agent": "enumerator",
            "agentVersion": "v1", "model": None, "seed": 12, "maxFixAttempts": 1,
            "feedback": "tests pass: exit code 1", "exitReason": "ok",
            "startedAt": at(4), "endedAt": at(5.5),
            "result": {"content": "two", "filesCreated": ["solution.py"]},
            "usage": {"cost": 0.5, "tokensIn": 200, "tokensOut": 20, "waitingSeconds": 0.0},
            "files": [FILE_V2], "omittedFiles": [], "assessment": fix,
            "phases": [
                {"phase": "fix", "startedAt": at(4), "endedAt": at(5.7)},
                {"phase": "review", "startedAt": at(5.7), "endedAt": at(6.5)},
            ],
        },
        {
            "attempt": 2, "round": 0, "kind": "escalated", "agent": "deep",
            "agentVersion": "v9", "model": "large", "seed": 21, "maxFixAttempts": 1,
            "feedback": "tests pass: exit code 1", "exitReason": "ok",
            "startedAt": at(7), "endedAt": at(8.5),
            "result": {"content": "three", "filesCreated": ["solution.py"]},
            "usage": {"cost": 1.0, "tokensIn": 300, "tokensOut": 30, "waitingSeconds": 0.0},
            "files": [FILE_V2], "omittedFiles": [], "assessment": retry,
            "phases": [
                {"phase": "execution", "startedAt": at(7), "endedAt": at(8.7)},
                {"phase": "review", "startedAt": at(8.7), "endedAt": at(9.5)},
            ],
        },
    )  # fmt: skip
    wire: ClassVar[dict[str, Any]] = {
        "id": "task_000000000001", "title": "Sort a list", "description": "Write solution.py",
        "assignTo": "enumerator", "status": "done", "phase": None, "retries": 1, "maxRetries": 3,
        "reason": None, "result": rounds[2]["result"], "assessment": retry,
        "assessmentHistory": [], "attempts": list(rounds), "createdAt": START,
        "updatedAt": at(9.5),
    }  # fmt: skip

    @classmethod
    def task(cls) -> Task:
        return Task.model_validate_json(json.dumps(cls.wire))

    @classmethod
    def events(cls) -> list[Event]:
        return stream(*cls.told())

    @classmethod
    def told(cls) -> list[tuple[str, dict[str, Any]]]:
        first, fix, retry = cls.rounds
        return [
            move("draft", "pending", 1, 0, 0.5),
            move("pending", "assigned", 1, 0, 0.9, **agent_of(first)),
            move("assigned", "in_progress", 1, 0, 1),
            phase("execution", 1, 0, 1),
            ("output", {"text": "on", "stream": "message", "attempt": 1, "round": 0, "at": at(2)}),
            ("output", {"text": "e", "stream": "message", "attempt": 1, "round": 0, "at": at(2)}),
            ("tool_use", {"id": "call_1", "tool": "search", "input": {"depth": 3},
                          "attempt": 1, "round": 0, "at": at(2)}),
            move("in_progress", "review", 1, 0, 2.7, **end_of(first)),
            phase("review", 1, 0, 2.7),
            ("assessment", cls.first),
            move("review", "in_progress", 1, 1, 4, **agent_of(fix)),
            phase("fix", 1, 1, 4),
            move("in_progress", "review", 1, 1, 5.7, **end_of(fix)),
            phase("review", 1, 1, 5.7),
            ("assessment", cls.fix),
            ("error", {"code": "expectations", "message": "tests pass", "fatal": False,
                       "attempt": 1, "round": 1, "at": at(6.5)}),
            move("review", "pending", 1, 1, 6.5, reason="expectations"),
            phase(None, 1, 1, 6.5),
            move("pending", "assigned", 2, 0, 6.9, **agent_of(retry)),
            move("assigned", "in_progress", 2, 0, 7),
            phase("execution", 2, 0, 7),
            move("in_progress", "review", 2, 0, 8.7, **end_of(retry)),
            phase("review", 2, 0, 8.7),
            ("assessment", cls.retry),
            move("review", "done", 2, 0, 9.5),
            phase(None, 2, 0, 9.5),
            ("done", {"taskId": cls.wire["id"], "status": "done", "reason": None, "retries": 1,
                      "score": 4.5, "passed": True, "durationMs": 9000.0,
                      "result": retry["result"], "attempt": 2, "round": 0, "at": at(9.5)}),
        ]  # fmt: skip


def agent_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the event that begins a round says of it."""
    names = ("agent", "agentVersion", "model", "kind", "seed", "maxFixAttempts", "feedback")
    return {name: told[name] for name in names if told.get(name) is not None}


def end_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the event that leaves ``in_progress`` says of the round."""
    names = ("exitReason", "result", "usage", "files", "omittedFiles", "startedAt", "endedAt")
    return {name: told[name] for name in names}


def move(
    source: str, status: str, attempt: int, round_: int, seconds: float, **told: Any
) -> tuple[str, dict[str, Any]]:
    """Return a status event."""
    data = {
        "taskId": Story.wire["id"], "title": Story.wire["title"], "from": source,
        "status": status, "attempt": attempt, "round": round_, "at": at(seconds), **told,
    }  # fmt: skip
    return "status", data


def phase(
    name: str | None, attempt: int, round_: int, seconds: float
) -> tuple[str, dict[str, Any]]:
    """Return a phase event."""
    return "phase", {"taskId": Story.wire["id"], "phase": name, "attempt": attempt,
                     "round": round_, "at": at(seconds)}  # fmt: skip
