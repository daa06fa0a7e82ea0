"""One attempt of a task, from its place in the queue to its end: rounds, reviews, fixes.

Each step is a move told to the stream. What happens next is decided in `policy`; who
may move where, in `lifecycle`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from polpo_lab.agents.agent import Agent
from polpo_lab.agents.registry import AgentRegistry
from polpo_lab.assess.assessment import assess
from polpo_lab.assess.cases import case_of, trigger_of, view_of
from polpo_lab.assess.judges import JudgePanel
from polpo_lab.models import (
    Approval,
    Assessment,
    Attempt,
    Check,
    KeptFile,
    KeptFiles,
    OmittedFile,
    PhaseSpan,
    Task,
    TaskResult,
)
from polpo_lab.sandbox import Sandbox, Workspace
from polpo_lab.server import policy
from polpo_lab.server.loop_watch import LoopWatch
from polpo_lab.server.moves import Moves, now
from polpo_lab.server.rounds import AgentRun, RoundEnd
from polpo_lab.server.settings import ServerSettings
from polpo_lab.server.store import Store
from polpo_lab.server.views import input_files, words_for_next
from polpo_lab.server.workspaces import Workspaces


@dataclass(frozen=True)
class Surroundings:
    """What every attempt works with."""

    settings: ServerSettings
    store: Store
    moves: Moves
    agents: AgentRegistry
    judges: JudgePanel
    sandbox: Sandbox
    workspaces: Workspaces
    loop_watch: LoopWatch


class RunningAttempt:
    """One attempt in one clean workspace.

    Parameters
    ----------
    task : Task
        Changed in place as the attempt goes on.
    around : Surroundings
    asked_at : float
        When this run of the task was asked for, by `time.monotonic`; ``done`` tells the time
        since.
    feedback : str or None
        What the round before this attempt was told.
    requeue : callable
        Queues the task for another attempt.
    ask : callable
        Opens an approval: takes the task and its kind.
    settle : callable
        Told when the task has come to rest.
    """

    def __init__(
        self,
        task: Task,
        around: Surroundings,
        *,
        asked_at: float,
        feedback: str | None,
        requeue: Callable[[Task, str | None], None],
        ask: Callable[[Task, str], Approval],
        settle: Callable[[Task], None],
    ) -> None:
        self.task = task
        self._around = around
        self._asked_at = asked_at
        self._began, self._began_at = time.monotonic(), now()
        self._feedback = feedback
        self._requeue = requeue
        self._ask = ask
        self._settle = settle
        self._conditions = policy.conditions_of_attempt(task)
        self._agent: Agent = around.agents.get(self._conditions.agent)
        limit = task.max_fix_attempts
        self._fix_limit = around.settings.max_fix_attempts if limit is None else limit
        self.record = self._new_record(0)
        self.run: AgentRun | None = None
        self._cut_off = False

    # ------------------------------------------------------------------ the road

    async def to_its_end(self) -> None:
        """Run every round of the attempt, then move the task to wherever it goes."""
        task = self.task
        task.result = task.assessment = task.outcomes = task.reason = None
        self._tell_assigned()
        workspace = self._around.workspaces.open(input_files(task), inline=self._agent.inline)
        try:
            while True:
                end = await self._run_agent(workspace)
                if end.exit_reason != "ok":
                    self._after_crash(end)
                    return
                assessment = await self._review(workspace)
                if assessment is None or assessment.passed is not None:
                    passed = True if assessment is None else bool(assessment.passed)
                    if not self._after_review(passed):
                        return
                else:
                    self._after_judge_error(assessment)
                    return
                self._begin_fix()
        finally:
            await self._around.workspaces.close(workspace, inline=self._agent.inline)

    async def _run_agent(self, workspace: Workspace) -> RoundEnd:
        moves, task, record = self._around.moves, self.task, self.record
        record.started_at = self._moment()
        if record.round == 0:
            moves.move(task, "in_progress", attempt=record)
        self._enter("execution" if record.round == 0 else "fix")
        view = view_of(task, record, workspace)
        self.run = AgentRun(self._agent, view, self._tell, self._around.loop_watch)
        milliseconds = task.max_duration or self._around.settings.max_duration_ms
        end = await self.run.to_its_end(self._around.sandbox, milliseconds / 1000)
        self._stop_if_cut_off()
        kept, omitted = await self._around.workspaces.keep(workspace)
        self._close_round(end, kept, omitted)
        return end

    async def _review(self, workspace: Workspace) -> Assessment | None:
        """Assess the round; None when the task has nothing to be judged by."""
        moves, task, record = self._around.moves, self.task, self.record
        moves.move(task, "review", attempt=record, **self._told_of_round())
        self._enter("review")
        if not task.expectations and not task.expected_outcomes:
            return None
        case = case_of(
            task, record, view_of(task, record, workspace), workspace, trigger_of(record)
        )
        assessment, outcomes = await assess(
            case, sandbox=self._around.sandbox, judges=self._around.judges
        )
        self._stop_if_cut_off()
        record.assessment, record.outcomes = assessment, outcomes
        task.outcomes = outcomes
        self._save()
        moves.assessed(task, assessment)
        return assessment

    def _stop_if_cut_off(self) -> None:
        """Obey a kill that an inline agent or judge has swallowed."""
        if self._cut_off:
            raise asyncio.CancelledError

    # ------------------------------------------------------------------ the forks

    def _after_review(self, passed: bool) -> bool:
        """Move on after a verdict; True when a fix round follows."""
        following = policy.after_review(self.task, passed, self.record.round, self._fix_limit)
        if following == "fix":
            return True
        reason = None if passed else "expectations"
        self._enter(None)
        if not passed:
            self._tell_failure("expectations", _first_failure(self.record.assessment))
        self._go(following, reason, {})
        return False

    def _after_crash(self, end: RoundEnd) -> None:
        following = policy.after_crash(self.task)
        self._enter(None)
        self._tell_failure(end.exit_reason, end.error or f"the agent ended with {end.exit_reason}")
        self._go(following, end.exit_reason, self._told_of_round())

    def _after_judge_error(self, assessment: Assessment) -> None:
        errors = [c.error for c in _gates(assessment) if c.passed is None and c.error]
        self._enter(None)
        self._tell_failure("judge_error", "; ".join(errors) or "a judge could not judge")
        self._go("failed", "judge_error", {})

    def _go(self, following: policy.Next, reason: str | None, told: dict[str, Any]) -> None:
        moves, task, record = self._around.moves, self.task, self.record
        if following in ("done", "failed"):
            moves.come_to_rest(
                task,
                "done" if following == "done" else "failed",
                reason=reason,
                since=self._asked_at,
                attempt=record,
                **told,
            )
            self._settle(task)
        elif following in ("ask_completion", "ask_rerun"):
            kind = "complete" if following == "ask_completion" else "rerun"
            task.reason = reason
            task.approval_id = self._ask(task, kind).id
            moves.move(task, "awaiting_approval", attempt=record, reason=reason, **told)
            moves.phase(task, None, record)
        else:
            moves.move(task, "pending", attempt=record, reason=reason, **told)
            moves.phase(task, None, record)
            task.retries += 1
            self._requeue(task, words_for_next(self.record))

    def _begin_fix(self) -> None:
        """Open the next round in the same workspace, with the feedback of this one."""
        self._enter(None)
        self._feedback = words_for_next(self.record)
        self.record = self._new_record(self.record.round + 1)
        self._save()
        self._around.moves.move(
            self.task, "in_progress", attempt=self.record, **self._told_of_agent()
        )

    # ------------------------------------------------------------------ the record

    def _new_record(self, round_: int) -> Attempt:
        attempt = self.task.retries + 1
        return Attempt(
            attempt=attempt,
            round=round_,
            kind=policy.kind_of_round(attempt, round_, self._conditions.escalated),
            agent=self._agent.name,
            agent_version=self._agent.version,
            model=self._conditions.model or self._agent.model,
            seed=policy.round_seed(self.task, attempt, round_),
            max_fix_attempts=self._fix_limit,
            feedback=self._feedback,
            phases=[],
        )

    def _close_round(self, end: RoundEnd, kept: list[KeptFile], omitted: list[OmittedFile]) -> None:
        record = self.record
        record.ended_at = self._moment()
        record.exit_reason = end.exit_reason
        inputs = set(self.task.files or ())
        record.result = TaskResult(
            content=end.content,
            truncated=end.truncated,
            files_created=[f.path for f in kept if f.path not in inputs],
            error=end.error,
        )
        record.files, record.omitted_files = KeptFiles(kept), omitted
        record.usage = self.run.usage if self.run else None
        self.task.result = record.result
        self._save()

    def close_as(self, exit_reason: str) -> dict[str, Any]:
        """Close the record of a round that is cut off from outside; return what is told of it."""
        self._cut_off = True
        if self.run is not None:
            self.run.close()
        if self.record.exit_reason is None and self.run is not None:
            text = self.run.streamed()
            end = RoundEnd(exit_reason, str(text) if text else None, text.truncated, None)
            self._close_round(end, [], [])
            self._enter(None)
            return self._told_of_round()
        self._enter(None)
        self._save()
        return {}

    def _enter(self, phase: str | None) -> None:
        """Begin a phase of the record (None only ends the last one) and tell it."""
        record, moment = self.record, self._moment()
        if record.phases and record.phases[-1].ended_at is None:
            record.phases[-1].ended_at = moment
        if phase is not None:
            record.phases = [*record.phases, PhaseSpan(phase=phase, started_at=moment)]
            self._around.moves.phase(self.task, phase, record)
        self._save()

    def _moment(self) -> datetime:
        """Return this moment, by what has passed since the attempt began.

        So what its rounds and phases took is true also when somebody sets the clock meanwhile.
        """
        passed = timedelta(milliseconds=int((time.monotonic() - self._began) * 1000))
        return self._began_at + passed

    def _save(self) -> None:
        self._around.store.save_round(self.task.id, self.record)

    # ------------------------------------------------------------------ the words

    def _tell(self, event: Any) -> None:
        self._around.store.append_event(self.task.id, event)

    def _tell_assigned(self) -> None:
        task = self.task
        task.seed = policy.base_seed(task)
        self._save()
        self._around.moves.move(task, "assigned", attempt=self.record, **self._told_of_agent())

    def _tell_failure(self, code: str, message: str) -> None:
        self._around.moves.failed_attempt(self.task, code, message, self.record)

    def _told_of_agent(self) -> dict[str, Any]:
        record = self.record
        return {
            "title": self.task.title,
            "agent": record.agent,
            "agent_version": record.agent_version,
            "model": record.model,
            "kind": record.kind,
            "seed": record.seed,
            "max_fix_attempts": record.max_fix_attempts,
            "feedback": record.feedback,
        }

    def _told_of_round(self) -> dict[str, Any]:
        record = self.record
        return {
            "exit_reason": record.exit_reason,
            "result": record.result,
            "usage": record.usage,
            "files": record.files,
            "omitted_files": record.omitted_files,
            "started_at": record.started_at,
            "ended_at": record.ended_at,
        }


def _first_failure(assessment: Assessment | None) -> str:
    failed = [c for c in _gates(assessment) if c.passed is False]
    if not failed:
        return assessment.feedback if assessment else "not passed"
    return "; ".join(f"{c.name}: {c.message}" if c.message else c.name for c in failed[:3])


def _gates(assessment: Assessment | None) -> list[Check]:
    """Return the checks that decide; those of role outcome are counted apart."""
    return [c for c in assessment.checks if c.role == "gate"] if assessment else []
