"""Any order of calls, against a model of the contract: states, legal calls, refusals.

The model knows what `polpo_lab.lifecycle` says and what a verdict leads to; the server is a
real one. A task that runs is held by its agent until the machine lets it go on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from polpo_lab.lifecycle import STATUSES, is_legal_call
from tests.server.conftest import Api

EXPECTED = {"type": "file_exists", "path": "out.txt"}


@dataclass
class Known:
    """What the model knows of a task."""

    status: str = "draft"
    passes: bool = True
    side_effects: bool = False
    max_retries: int = 0
    retries: int = 0
    reason: str | None = None
    approval: str | None = None
    ran: bool = False
    gone: bool = False
    last_event: int = field(default=0)


class Gate:
    """Holds the agents of one machine: each run waits until the test lets it go on."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def passed(self, task_id: str) -> None:
        event = asyncio.Event()
        self.waiting[task_id] = asyncio.get_running_loop(), event
        await event.wait()

    def open(self, task_id: str) -> None:
        loop, event = self.waiting.pop(task_id)
        loop.call_soon_threadsafe(event.set)


def add_agent(lab, gate: Gate) -> None:
    @lab.agent(isolation="inline", name="held")
    async def held(task):
        yield "waits"
        await gate.passed(task.id)
        if "pass" in task.description:
            (task.workspace / "out.txt").write_text("x")


class Contract(RuleBasedStateMachine):
    """The model. A subclass has the server, and the gate of its agent."""

    api: Api
    gate: Gate
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Known] = {}

    # -------------------------------------------------------------- what is asked

    @rule(target=tasks, passes=st.booleans(), careful=st.booleans(), retries=st.integers(0, 1))
    def create(self, passes, careful, retries):
        task = self.api.create(
            assignTo="held", description="pass" if passes else "not", sideEffects=careful,
            maxRetries=retries, maxFixAttempts=0, expectations=[EXPECTED],
        )  # fmt: skip
        assert (task["status"], task["retries"], task["queued"]) == ("draft", 0, False)
        self.known[task["id"]] = Known("draft", passes, careful, retries)
        return task["id"]

    @rule(task_id=tasks)
    def execute(self, task_id):
        known = self.known[task_id]
        if self.is_refused("execute", task_id, "POST", "/execute"):
            return
        known.retries += known.status == "failed"
        self.api.start(task_id)
        self.runs(task_id)

    @rule(task_id=tasks)
    def retry(self, task_id):
        if self.is_refused("retry", task_id, "POST", "/retry"):
            return
        known = self.known[task_id]
        known.retries += 1
        answer = self.api.http.post(f"/tasks/{task_id}/retry")
        assert answer.status_code == 202
        assert answer.json()["retries"] == known.retries
        self.runs(task_id)

    @rule(task_id=tasks)
    def kill(self, task_id):
        if self.is_refused("kill", task_id, "POST", "/kill"):
            return
        task = self.api.http.post(f"/tasks/{task_id}/kill").json()
        assert (task["status"], task["reason"], task["phase"]) == ("failed", "killed", None)
        self.rests(task_id, "failed", "killed")
        self.gate.waiting.pop(task_id, None)

    @rule(task_id=tasks)
    def reassess(self, task_id):
        known = self.known[task_id]
        if self.is_refused("reassess", task_id, "POST", "/reassess"):
            return
        answer = self.api.http.post(f"/tasks/{task_id}/reassess")
        if not known.ran:
            assert answer.status_code == 409
            assert "no kept files" in answer.json()["error"]["message"]
            return
        assert answer.status_code == 200
        assert answer.json()["assessment"]["passed"] is known.passes
        if not known.side_effects:
            known.status = "done" if known.passes else "failed"

    @rule(task_id=tasks)
    def delete(self, task_id):
        if self.is_refused("delete", task_id, "DELETE", ""):
            return
        assert self.api.http.delete(f"/tasks/{task_id}").status_code == 204
        self.known[task_id].gone = True

    @rule(task_id=tasks, priority=st.integers(-3, 3))
    def change_priority(self, task_id, priority):
        answer = self.api.http.patch(f"/tasks/{task_id}", json={"priority": priority})
        assert answer.status_code == (404 if self.known[task_id].gone else 200)

    @rule(task_id=tasks, passes=st.booleans())
    def change_description(self, task_id, passes):
        body = {"description": "pass" if passes else "not"}
        known = self.known[task_id]
        if known.ran:  # its kept files say what a reassessment finds, whatever is asked now
            return
        answer = self.api.http.patch(f"/tasks/{task_id}", json=body)
        if known.gone:
            assert answer.status_code == 404
        elif not is_legal_call("update", known.status):
            assert answer.status_code == 409
        else:
            assert answer.status_code == 200
            known.passes = passes

    # -------------------------------------------------------------- what happens

    @rule(task_id=tasks)
    def agent_ends(self, task_id):
        known = self.known[task_id]
        if known.status != "in_progress":
            return
        self.gate.open(task_id)
        known.ran = True
        if known.side_effects:
            self.waits_for_approval(task_id)
        elif known.passes:
            self.rests(task_id, "done", None)
        elif known.retries < known.max_retries:
            known.retries += 1
            self.runs(task_id)
        else:
            self.rests(task_id, "failed", "expectations")

    @rule(task_id=tasks, approves=st.booleans())
    def person_decides(self, task_id, approves):
        known = self.known[task_id]
        if known.approval is None:
            return
        path = f"/approvals/{known.approval}/{'approve' if approves else 'reject'}"
        body = {} if approves else {"json": {"feedback": "no"}}
        answer = self.api.http.post(path, **body)
        if known.status != "awaiting_approval" or known.gone:
            assert answer.status_code == (404 if known.gone else 409)
            return
        assert answer.status_code == 200
        assert self.api.http.post(path, **body).status_code == 409
        if not approves:
            self.rests(task_id, "failed", "rejected")
        elif known.passes:
            self.rests(task_id, "done", None)
        else:
            known.retries += 1
            self.runs(task_id)

    # -------------------------------------------------------------- what must hold

    @invariant()
    def every_task_is_as_the_model_says(self):
        listed = {task["id"]: task for task in self.api.http.get("/tasks").json()}
        for task_id, known in self.known.items():
            if known.gone:
                assert task_id not in listed
                continue
            task = listed[task_id]
            assert task["status"] in STATUSES
            found = (task["status"], task.get("reason"), task["retries"])
            assert found == (known.status, known.reason, known.retries)

    @invariant()
    def events_are_numbered_without_a_gap(self):
        for task_id, known in self.known.items():
            if not known.gone:
                answer = self.api.http.get(f"/tasks/{task_id}/events", params={"follow": False})
                ids = [int(x[4:]) for x in answer.text.split("\n") if x.startswith("id: ")]
                assert ids == list(range(1, len(ids) + 1))
                assert len(ids) >= known.last_event
                known.last_event = len(ids)

    def teardown(self):
        for task_id, known in self.known.items():
            if known.status in ("in_progress", "awaiting_approval") and not known.gone:
                self.api.http.post(f"/tasks/{task_id}/kill")
            if not known.gone:
                self.api.http.delete(f"/tasks/{task_id}")
        self.gate.waiting.clear()

    # -------------------------------------------------------------- the model's moves

    def is_refused(self, call, task_id, method, path):
        """Make a call that the contract refuses, and see that it is; False: it does not."""
        known = self.known[task_id]
        if not known.gone and is_legal_call(call, known.status):
            return False
        status, error = self.api.refusal(method, f"/tasks/{task_id}{path}")
        if known.gone:
            assert (status, error["code"]) == (404, "NOT_FOUND")
        else:
            assert (status, error["code"]) == (409, "INVALID_STATE")
        return True

    def runs(self, task_id):
        known = self.known[task_id]
        self.api.wait_for(task_id, "in_progress", attempt=known.retries + 1)
        while task_id not in self.gate.waiting:  # it has begun, and reaches the gate next
            self.api.http.get("/health")
        known.status, known.reason = "in_progress", None

    def rests(self, task_id, status, reason):
        self.api.events(task_id)  # its stream ends when it is at rest
        self.known[task_id].status, self.known[task_id].reason = status, reason

    def waits_for_approval(self, task_id):
        known = self.known[task_id]
        task = self.api.wait_for(task_id, "awaiting_approval", attempt=known.retries + 1)
        known.approval = task["approvalId"]
        known.status = "awaiting_approval"
        known.reason = None if known.passes else "expectations"


def test_any_order_of_calls_follows_the_contract(lab, api):
    gate = Gate()
    add_agent(lab, gate)
    run_state_machine_as_test(
        type("Bound", (Contract,), {"api": api, "gate": gate}),
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
