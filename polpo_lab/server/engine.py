"""Every call of the API as one method: what it demands, and what it sets going.

Used from one thread, the event loop's. Changes go through `Moves` and `Runs`, so that
each is on disk before anybody is told.
"""

from __future__ import annotations

import asyncio
import secrets
from graphlib import TopologicalSorter

from polpo_lab import __version__
from polpo_lab.agents.registry import AgentRegistry
from polpo_lab.assess.assessment import assess
from polpo_lab.assess.cases import case_of, view_of
from polpo_lab.assess.judges import JudgePanel
from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import (
    Approval,
    Assessment,
    Attempt,
    Expectation,
    Health,
    KeptFile,
    Outcome,
    Task,
    TaskCreate,
    TaskUpdate,
)
from polpo_lab.sandbox import Sandbox
from polpo_lab.sandbox.kept import blob_path
from polpo_lab.server.admission import Admission
from polpo_lab.server.approvals import Approvals
from polpo_lab.server.attempt import Surroundings
from polpo_lab.server.bus import Bus
from polpo_lab.server.demands import demand_change, demand_dependencies, demand_state
from polpo_lab.server.loop_watch import LoopWatch
from polpo_lab.server.moves import Moves, now
from polpo_lab.server.reassessment import KEPT_ENDS, settle_reassessment
from polpo_lab.server.recovery import Recovered, recover
from polpo_lab.server.refusals import invalid_state, not_found
from polpo_lab.server.runs import Runs
from polpo_lab.server.settings import ServerSettings
from polpo_lab.server.store import Store
from polpo_lab.server.unused_files import UnusedFiles
from polpo_lab.server.workspaces import Workspaces


class Engine:
    """Answers the calls of the API.

    Parameters
    ----------
    settings : ServerSettings
    store, bus : Store, Bus
        The store tells the bus after each commit.
    agents, judges : AgentRegistry, JudgePanel
        May grow while the engine runs.
    sandbox : Sandbox
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        store: Store,
        bus: Bus,
        agents: AgentRegistry,
        judges: JudgePanel,
        sandbox: Sandbox,
    ) -> None:
        self.settings = settings
        self.store = store
        self.bus = bus
        self.agents = agents
        self.judges = judges
        self.sandbox = sandbox
        self.is_closing = False
        self._moves = Moves(store)
        self._approvals = Approvals(store)
        self._admission = Admission(store, agents, judges)
        self._loop_watch = LoopWatch()
        self._unused_files = UnusedFiles(settings.blobs, store)
        self._workspaces = Workspaces(settings.workspaces, settings.blobs, self._unused_files)
        self._runs = Runs(
            Surroundings(
                settings,
                store,
                self._moves,
                agents,
                judges,
                sandbox,
                self._workspaces,
                self._loop_watch,
            ),
            self._approvals,
        )
        self._reassessing: set[str] = set()

    def recover(self) -> Recovered:
        """Settle what the server before left unfinished; called before anything else."""
        found = recover(self.store, self._moves)
        self.store.commit()
        return found

    async def close(self) -> None:
        """Stop every run; what ran is marked interrupted, what waited is unqueued."""
        await self._runs.close()
        self._loop_watch.close()
        self._unused_files.close()
        self.recover()
        self.is_closing = True  # only now: streams still tell how what ran was interrupted
        self.bus.wake_all()

    # ------------------------------------------------------------------ reading

    def task(self, task_id: str) -> Task:
        """Return a task as it will stand after the next commit, without its rounds."""
        task = self._runs.task(task_id) or self.store.task(task_id)
        if task is None:
            raise not_found("task", task_id)
        return task

    def task_with_attempts(self, task_id: str) -> Task:
        """Return a task with all its rounds."""
        task = self.task(task_id).model_copy()
        task.attempts = self.store.rounds(task_id)
        return task

    def is_over(self, task_id: str) -> bool:
        """Tell whether a task's stream has nothing more to come: at rest, or gone."""
        task = self._runs.task(task_id) or self.store.task(task_id)
        return task is None or (task.status in AT_REST and task_id not in self._reassessing)

    def health(self) -> Health:
        """Say what this server is and has in force."""
        return Health(
            status="ok",
            version=__version__,
            sandbox=self.sandbox.strength,
            sandbox_description=self.sandbox.description,
            max_fix_attempts=self.settings.max_fix_attempts,
            concurrency=self.settings.concurrency,
            inline_concurrency=self.settings.inline_concurrency,
            warnings=self._loop_watch.warnings(),
        )

    def kept_files(self, task_id: str, attempt: int | None, round_: int | None) -> list[KeptFile]:
        """Return the files kept of a round; of the last one where none is named."""
        self.task(task_id)
        rounds = [
            r
            for r in self.store.rounds(task_id)
            if attempt in (None, r.attempt) and round_ in (None, r.round)
        ]
        if not rounds:
            asked = {"attempt": attempt, "round": round_}
            named = ", ".join(f"{k} {n}" for k, n in asked.items() if n is not None)
            raise not_found("round", named or "any: the task has not run yet")
        return list(rounds[-1].files.entries)

    async def read_kept_file(
        self, task_id: str, path: str, attempt: int | None, round_: int | None
    ) -> bytes:
        """Return the bytes of one kept file."""
        for kept in self.kept_files(task_id, attempt, round_):
            if kept.path == path:
                content = blob_path(self.settings.blobs, kept.sha256)
                try:
                    return await asyncio.to_thread(content.read_bytes)
                except FileNotFoundError:
                    self.task(task_id)  # deleted in between, as a rule
                    raise not_found("content of the file", path) from None
        raise not_found("file", path)

    # ------------------------------------------------------------------ calls at rest

    def create(self, asked: TaskCreate) -> Task:
        """Let a new task in, as a draft."""
        moment = now()
        task = Task(
            id=f"task_{secrets.token_urlsafe(12)}",
            status="draft",
            phase=None,
            queued=False,
            retries=0,
            created_at=moment,
            updated_at=moment,
            **{
                "max_retries": asked.max_retries,
                "priority": asked.priority,
                "side_effects": asked.side_effects,
                **{name: getattr(asked, name) for name in asked.model_fields_set},
            },
        )
        self._admission.check(task)
        self.store.insert_task(task)
        return task

    def update(self, task_id: str, asked: TaskUpdate) -> Task:
        """Change the given fields, and only these."""
        task = self.task(task_id)
        fields = asked.model_fields_set
        demand_change(task, fields)
        self._refuse_while_reassessing(task_id)
        changed = task.model_copy(update={name: getattr(asked, name) for name in fields})
        self._admission.check(changed, fields)
        for name in fields:
            setattr(task, name, getattr(asked, name))
        task.updated_at = now()
        self.store.save_task(task)
        if "priority" in fields:
            self._runs.reprioritise(task)
        return task

    def delete(self, task_id: str) -> None:
        """Forget a task that is not executing, with its files; tasks that wait for it fail."""
        task = self.task(task_id)
        self._demand("delete", task)
        self._unused_files.remove(self.store.delete_task(task_id))
        self._runs.forget(task)
        self.bus.wake(task_id)

    async def reassess(self, task_id: str, expectations: list[Expectation] | None) -> Task:
        """Judge the last round's kept files again; the agent does not run."""
        task = self.task(task_id)
        self._demand("reassess", task)
        rounds = [r for r in self.store.rounds(task_id) if r.exit_reason in KEPT_ENDS]
        if not rounds:
            raise invalid_state("the task has no kept files to assess: execute it first")
        if expectations is not None:
            judged = task.model_copy(update={"expectations": expectations})
        else:
            judged = task
        self._admission.check_expectations(judged)
        self._reassessing.add(task_id)
        try:
            assessment, outcomes = await self._assess_again(judged, rounds[-1])
        finally:
            self._reassessing.discard(task_id)
        settle_reassessment(self._moves, task, rounds[-1], assessment, outcomes)
        self.store.save_round(task_id, rounds[-1])
        self.store.commit()
        self.bus.wake(task_id)
        return self.task(task_id)

    async def _assess_again(self, judged: Task, last: Attempt) -> tuple[Assessment, list[Outcome]]:
        workspace = await self._workspaces.restore(last.files.entries)
        try:
            view = view_of(judged, last, workspace)
            case = case_of(judged, last, view, workspace, "reassess")
            return await assess(case, sandbox=self.sandbox, judges=self.judges)
        finally:
            await self._workspaces.close(workspace, inline=False)

    # ------------------------------------------------------------------ calls that run

    def execute(self, task_id: str) -> int:
        """Queue a task; return the id of its last event before that."""
        task = self.task(task_id)
        self._demand("execute", task)
        self._demand_can_run(task)
        before = self.store.last_event_id(task_id)
        self._runs.queue(task)
        return before

    def retry(self, task_id: str) -> Task:
        """Queue a failed task for another attempt, by hand."""
        task = self.task(task_id)
        self._demand("retry", task)
        self._demand_can_run(task)
        self._runs.queue(task)
        return task

    def run_group(self, group: str) -> list[Task]:
        """Queue every task of a group that has not run yet, in dependency order."""
        members = [self._runs.task(t.id) or t for t in self.store.tasks_of_group(group)]
        if not members:
            raise not_found("group", group)
        ready = [m for m in members if m.status in ("draft", "pending") and m.id not in self._runs]
        if not ready:
            raise invalid_state(f"group {group!r} has nothing to run: no draft or pending task")
        for task in ready:
            self._admission.check_run(task)
        order = TopologicalSorter({m.title: m.depends_on or () for m in ready}).static_order()
        rank = {title: place for place, title in enumerate(order)}
        ready.sort(key=lambda task: rank[task.title])
        newest = {m.title: m for m in members}
        for task in ready:
            self._runs.queue(task, group=newest)
        return ready

    def kill(self, task_id: str) -> Task:
        """Fail a task at once; its processes are ended right after."""
        task = self.task(task_id)
        self._demand("kill", task)
        self._approvals.cancel_for(task)
        self._runs.kill(task)
        return task

    # ------------------------------------------------------------------ approvals

    def approvals(self, status: str | None) -> list[Approval]:
        """Return approvals, oldest first."""
        return self.store.approvals(status=status)

    def approve(self, approval_id: str) -> Approval:
        """Let a task complete, or run again."""
        approval = self._approvals.pending(approval_id)
        task = self.task(approval.task_id)
        if approval.kind == "rerun":
            self._admission.check_run(task)
        self._approvals.resolve(approval, "approved")
        if approval.kind == "complete":
            self._runs.come_to_rest(task, "done", reason=None, attempt=self._last_round(task))
        else:
            self._runs.run_again(task, self._last_round(task))
        return approval

    def reject(self, approval_id: str, feedback: str) -> Approval:
        """Fail a task that waits for approval, with a person's words."""
        approval = self._approvals.pending(approval_id)
        task = self.task(approval.task_id)
        self._approvals.resolve(approval, "rejected", feedback)
        task.feedback = feedback
        last = self._last_round(task)
        self._moves.failed_attempt(task, "rejected", feedback, last)
        self._runs.come_to_rest(task, "failed", reason="rejected", attempt=last)
        return approval

    def _last_round(self, task: Task) -> Attempt | None:
        rounds = self.store.rounds(task.id)
        return rounds[-1] if rounds else None

    # ------------------------------------------------------------------ demands

    def _demand(self, call: str, task: Task) -> None:
        demand_state(call, task)
        self._refuse_while_reassessing(task.id)

    def _refuse_while_reassessing(self, task_id: str) -> None:
        if task_id in self._reassessing:
            raise invalid_state("the task is being reassessed: wait for it")

    def _demand_can_run(self, task: Task) -> None:
        demand_dependencies(task, self.store)
        self._admission.check_run(task)
