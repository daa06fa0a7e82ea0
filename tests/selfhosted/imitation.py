"""An imitation of self-hosted Polpo's supervisor, built from the facts page alone, quirks included.

Tasks are the plain objects that its API shows. Agents are functions of the test's own that
run in a real folder. How it judges is in `imitation_checks`, how it is talked to over HTTP in
`imitation_app`.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.selfhosted.imitation_checks import (
    Assessor,
    Reviewers,
    Run,
    run_record,
    sanitized,
    timestamp,
)

TERMINAL = ("done", "failed")


# A task and the folder the agents work in; what comes out, or how many seconds it takes first.
Agent = Callable[[dict[str, Any], Path], Run]


@dataclass
class Settings:
    tick: float = 0.03
    max_retries: int | None = 1
    max_fix_attempts: int = 2
    gate_on_completion: bool = False
    review_seconds: float = 0.0
    late_seconds: float = 1.0
    ring: int = 1000


@dataclass
class Supervisor:
    workdir: Path
    agents: dict[str, Agent] = field(default_factory=dict)
    reviewers: Reviewers = lambda expectation, task: [4, 4, 4]
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.approvals: dict[str, dict[str, Any]] = {}
        self.events: deque[tuple[int, str, dict[str, Any]]] = deque(maxlen=self.settings.ring)
        self.event_ids = itertools.count(1)
        self.readers: set[asyncio.Queue[tuple[int, str, dict[str, Any]]]] = set()
        self.runs: list[str] = []
        self._working: dict[str, asyncio.Task[None]] = {}

    # --- what the API does with tasks ---

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        if any(t["title"] == body["title"] for t in self._unfinished()):
            raise RuntimeError("duplicate title")  # a bare 500 on the wire
        now = timestamp()
        task: dict[str, Any] = {
            "title": body["title"],
            "description": body["description"],
            "assignTo": body["assignTo"],
            "dependsOn": body.get("dependsOn", []),
            "expectations": sanitized(body.get("expectations", [])),
            "metrics": [],
            "status": "draft" if body.get("draft") else "pending",
            "id": secrets.token_urlsafe(16)[:21],
            "retries": 0,
            "createdAt": now,
            "updatedAt": now,
        }
        taken = ("group", "maxDuration", "retryPolicy", "sideEffects", "expectedOutcomes")
        task |= {name: body[name] for name in taken if name in body}
        if self.settings.max_retries is not None:
            task["maxRetries"] = self.settings.max_retries
        self.tasks[task["id"]] = task
        self.emit("task:created", {"task": task})
        return task

    def patch(self, task: dict[str, Any], body: dict[str, Any]) -> None:
        taken = ("description", "assignTo", "status", "retries", "maxRetries", "sideEffects")
        changes = {name: body[name] for name in taken if name in body}
        if "expectations" in body:
            if {**task, **changes}["status"] not in ("pending", "failed", "done"):
                raise RuntimeError("expectations in a wrong state")
            changes["expectations"] = sanitized(body["expectations"])
        self.set(task, **changes)

    def delete(self, task: dict[str, Any]) -> None:
        del self.tasks[task["id"]]  # its agent goes on, and no event tells

    def retry(self, task: dict[str, Any]) -> None:
        if task["status"] != "failed":
            raise RuntimeError("not failed")
        self._again(task)

    def kill(self, task: dict[str, Any]) -> None:
        if task["status"] == "done":
            return
        work = self._working.pop(task["id"], None)
        if work is not None:
            work.cancel()
            loop = asyncio.get_running_loop()
            loop.call_later(self.settings.late_seconds, self._deliver_late, task)
        self.set(task, status="failed")  # the phase stays as it was

    def _deliver_late(self, task: dict[str, Any]) -> None:
        """Let the end of a killed run land on the attempt that runs by now."""
        work = self._working.get(task["id"])
        if work is not None and task["status"] == "in_progress":
            work.cancel()
            late = Run(exit_code=1, stderr="terminated")
            self._working[task["id"]] = asyncio.create_task(self._finish(task, late))

    async def reassess(self, task: dict[str, Any]) -> None:
        if task["status"] not in TERMINAL or not task["expectations"]:
            raise RuntimeError("nothing to reassess")
        result = task.setdefault("result", run_record(Run()))
        assessment = self._assess(task, Run(exit_code=result["exitCode"]), "reassess")
        if "assessment" in result:
            result.setdefault("assessmentHistory", []).append(result["assessment"])
        result["assessment"] = assessment
        if assessment["passed"] and task["status"] == "failed":
            self.set(task, status="done", retries=task["retries"] + 1)
        elif not assessment["passed"]:
            self.set(task, status="failed")

    def resolve(self, approval: dict[str, Any], status: str, note: str | None) -> None:
        approval |= {"status": status, "resolvedAt": timestamp(), "resolvedBy": "user"}
        if note is not None:
            approval["note"] = note
        task = self.tasks[approval["taskId"]]
        if status == "approved":
            self.set(task, status="done")
        else:
            task["revisionCount"] = task.get("revisionCount", 0) + 1
            task["description"] += f"\n\n---\n**Rejection #1 feedback:** {note}"
            self.set(task, status="pending")

    # --- the supervisor ---

    async def supervise(self) -> None:
        for task in self.tasks.values():  # after a crash
            if task["status"] in ("assigned", "in_progress", "review"):
                self.set(task, status="pending")
        while True:
            for task in [t for t in self.tasks.values() if t["status"] == "pending"]:
                waits_for = [self.tasks.get(i) for i in task["dependsOn"]]
                if None in waits_for:
                    self.set(task, status="failed")
                elif all(t is not None and t["status"] == "done" for t in waits_for):
                    self.set(task, status="in_progress", phase=task.get("phase", "execution"))
                    self._working[task["id"]] = asyncio.create_task(self._work(task))
            await asyncio.sleep(self.settings.tick)

    def stop(self) -> None:
        for work in self._working.values():
            work.cancel()
        self._working.clear()

    async def _work(self, task: dict[str, Any]) -> None:
        agent = self.agents.get(task["assignTo"])
        if agent is None:
            self.set(task, status="failed")
            return
        self.runs.append(task["id"])
        self.emit("agent:spawned", {"taskId": task["id"], "agentName": task["assignTo"]})
        run = agent(task, self.workdir)
        limit = task.get("maxDuration", math.inf) / 1000
        await asyncio.sleep(min(run.seconds, limit))
        if run.seconds > limit:
            run = Run(exit_code=1, stderr=f"Timed out after {limit:g}s\nTIMEOUT DIAGNOSIS")
        await self._finish(task, run)

    async def _finish(self, task: dict[str, Any], run: Run) -> None:
        self.emit("agent:finished", {"taskId": task["id"], "exitCode": run.exit_code})
        self.set(task, status="review", phase="review", result=run_record(run))
        await asyncio.sleep(self.settings.review_seconds)
        passed = run.exit_code == 0
        if task["expectations"]:
            task["result"]["assessment"] = self._assess(task, run, "initial")
            passed = task["result"]["assessment"]["passed"]
        self._working.pop(task["id"], None)
        if passed and self.settings.gate_on_completion:
            self._ask_for_approval(task)
        elif passed:
            self.set(task, status="done")
            self.emit("task:transition", {"taskId": task["id"], "to": "done"})
        elif task.get("sideEffects"):
            self.set(task, status="awaiting_approval", phase="execution")
            self.emit("task:retry:blocked", {"taskId": task["id"]})
        elif run.exit_code == 0 and task.get("fixAttempts", 0) < self.settings.max_fix_attempts:
            self._rewrite(task, "TARGETED FIX")
            fixes = task.get("fixAttempts", 0) + 1
            self.set(task, status="pending", phase="fix", fixAttempts=fixes)
        elif task["retries"] < task.get("maxRetries", 0):
            self._rewrite(task, "PREVIOUS ATTEMPT FAILED")
            self._again(task)
        else:
            self.set(task, status="failed", fixAttempts=0)

    def _again(self, task: dict[str, Any]) -> None:
        policy, retries = task.get("retryPolicy", {}), task["retries"] + 1
        fallback = policy.get("fallbackAgent")
        if "escalateAfter" in policy and retries >= policy["escalateAfter"] and fallback:
            task["assignTo"] = fallback
        self.set(task, status="pending", phase="execution", retries=retries, fixAttempts=0)

    def _rewrite(self, task: dict[str, Any], heading: str) -> None:
        task.setdefault("originalDescription", task["description"])
        task["description"] = f"{heading}\n{task['originalDescription']}"

    def _ask_for_approval(self, task: dict[str, Any]) -> None:
        approval = {
            "id": secrets.token_urlsafe(16)[:21],
            "gateId": "g1",
            "gateName": "completion",
            "taskId": task["id"],
            "status": "pending",
            "payload": {"task": {"id": task["id"]}, "result": task["result"]},
            "requestedAt": timestamp(),
        }
        self.approvals[approval["id"]] = approval
        self.set(task, status="awaiting_approval")
        self.emit("approval:requested", {"taskId": task["id"]})

    def _assess(self, task: dict[str, Any], run: Run, trigger: str) -> dict[str, Any]:
        return Assessor(self.workdir, self.reviewers).assess(task, run, trigger)

    # --- what it keeps and tells ---

    def set(self, task: dict[str, Any], **changes: Any) -> None:
        task |= changes
        task["updatedAt"] = timestamp()

    def emit(self, name: str, data: dict[str, Any]) -> None:
        event = (next(self.event_ids), name, data)
        self.events.append(event)
        for reader in self.readers:
            reader.put_nowait(event)

    def _unfinished(self) -> list[dict[str, Any]]:
        return [t for t in self.tasks.values() if t["status"] not in TERMINAL]
