"""Tasks on their way: from the queue through their attempts to their rest.

Holds the tasks that are not at rest; a task at rest is only in the store.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from polpo_lab.hostile_text import valid_unicode
from polpo_lab.lifecycle import is_executing
from polpo_lab.models import Attempt, Task
from polpo_lab.server import policy
from polpo_lab.server.approvals import Approvals
from polpo_lab.server.attempt import RunningAttempt, Surroundings
from polpo_lab.server.dispatcher import Dispatcher
from polpo_lab.server.views import words_for_next


@dataclass
class Life:
    """A task that is not at rest, and what its run needs to know."""

    task: Task
    asked_at: float = field(default_factory=time.monotonic)  # no step of the clock moves it
    feedback: str | None = None
    waits_for: set[str] = field(default_factory=set)
    attempt: RunningAttempt | None = None


class Runs:
    """Queues tasks, runs their attempts, and settles them.

    Parameters
    ----------
    around : Surroundings
    approvals : Approvals
    """

    def __init__(self, around: Surroundings, approvals: Approvals) -> None:
        self._around = around
        self._moves = around.moves
        self._store = around.store
        self._approvals = approvals
        self._lives: dict[str, Life] = {}
        self._waiting_for: defaultdict[str, list[Life]] = defaultdict(list)
        self._dispatcher = Dispatcher(
            self._run,
            {False: around.settings.concurrency, True: around.settings.inline_concurrency},
        )

    def task(self, task_id: str) -> Task | None:
        """Return a task that is not at rest, or None."""
        life = self._lives.get(task_id)
        return life.task if life else None

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._lives

    async def close(self) -> None:
        """Stop every run; what they leave in the store is for the recovery."""
        await self._dispatcher.close()
        self._lives.clear()

    # ------------------------------------------------------------------ in

    def queue(self, task: Task, group: dict[str, Task] | None = None) -> None:
        """Queue a task from rest; in a group run it may wait there for others.

        Parameters
        ----------
        task : Task
            Draft, pending and unqueued, or failed: then this is its next attempt.
        group : dict of str to Task, optional
            The newest tasks of its group by title.
        """
        life = self._lives[task.id] = Life(task)
        if task.status == "failed":
            life.feedback = self._words_after_failure(task)
            task.retries += 1
        task.reason = None
        if task.status == "pending":  # unqueued by a restart
            task.queued = True
            self._store.save_task(task)
        else:
            self._moves.move(task, "pending", title=task.title)
        failed = self._wait_for_others(life, group) if group is not None else None
        if failed is not None:
            self._fail_for_dependency(life, failed)
            self._tell_dependents(task.id, task.title, succeeded=False)
        elif not life.waits_for:
            self.enter_queue(task)

    def run_again(self, task: Task, last: Attempt | None) -> None:
        """Queue a task whose re-run a person approved."""
        self._lives.setdefault(task.id, Life(task))
        self._moves.move(task, "pending", attempt=last, title=task.title)
        task.retries += 1
        self._requeue(task, words_for_next(last) if last else None)

    def enter_queue(self, task: Task) -> None:
        """Let a pending task wait for a place; again after its priority changed."""
        agent = self._around.agents.get(policy.conditions_of_attempt(task).agent)
        self._dispatcher.enqueue(
            task.id,
            priority=task.priority,
            age=self._store.age(task.id),
            inline=agent.inline,
        )

    def reprioritise(self, task: Task) -> None:
        """Give a waiting task the place that its new priority says."""
        if self._dispatcher.is_waiting(task.id):
            self.enter_queue(task)

    def _wait_for_others(self, life: Life, group: dict[str, Task]) -> str | None:
        """Note whom a task waits for; return the title of one that failed or is not there."""
        for title in life.task.depends_on or ():
            other = group.get(title)
            if other is None or other.status == "failed":
                return title
            if other.status != "done":
                life.waits_for.add(other.id)
                self._waiting_for[other.id].append(life)
        return None

    def _requeue(self, task: Task, feedback: str | None) -> None:
        life = self._lives[task.id]
        life.feedback = feedback
        self.enter_queue(task)
        life.attempt = None

    def _words_after_failure(self, task: Task) -> str | None:
        if task.reason == "rejected" and task.feedback:
            return f"A person rejected the result: {task.feedback}"
        rounds = self._store.rounds(task.id)
        return words_for_next(rounds[-1]) if rounds else None

    # ------------------------------------------------------------------ through

    async def _run(self, task_id: str) -> None:
        life = self._lives[task_id]
        attempt = life.attempt = RunningAttempt(
            life.task,
            self._around,
            asked_at=life.asked_at,
            feedback=life.feedback,
            requeue=self._requeue,
            ask=self._approvals.ask,
            settle=self.settle,
        )
        try:
            await attempt.to_its_end()
        except Exception as error:
            # Whatever broke here is ours: the task must not hang, and the fault must be seen.
            if self._is_current(life) and life.attempt is attempt:
                self._fail_for_fault(life, attempt, error)
            raise

    def _is_current(self, life: Life) -> bool:
        """Tell whether a run still has a say: one that was killed may end late."""
        return self._lives.get(life.task.id) is life

    def _fail_for_fault(self, life: Life, attempt: RunningAttempt, error: Exception) -> None:
        if not is_executing(life.task.status):
            return
        told = attempt.close_as("crash")
        message = valid_unicode(f"the server could not go on: {type(error).__name__}: {error}")
        self._moves.failed_attempt(life.task, "INTERNAL_ERROR", message, attempt.record)
        self.come_to_rest(life.task, "failed", reason="crash", attempt=attempt.record, **told)

    # ------------------------------------------------------------------ out

    def kill(self, task: Task) -> None:
        """Fail a task at once, and end its run right after."""
        life = self._lives.get(task.id) or Life(task)
        is_waiting = self._dispatcher.leave(task.id) or bool(life.waits_for)
        # While it waits, a run there still is winds down after an earlier kill: leave it alone.
        run = None if is_waiting else self._dispatcher.running(task.id)
        record, told = None, {}
        if run is not None and life.attempt is not None:
            record, told = life.attempt.record, life.attempt.close_as("killed")
        self.come_to_rest(task, "failed", reason="killed", attempt=record, **told)
        if run is not None:
            run.cancel()

    def come_to_rest(
        self, task: Task, status: str, *, reason: str | None, attempt: Attempt | None, **told: Any
    ) -> None:
        """End a task that no attempt of its own has ended."""
        life = self._lives.get(task.id)
        since = life.asked_at if life else None
        self._moves.come_to_rest(task, status, reason=reason, since=since, attempt=attempt, **told)
        self.settle(task)

    def settle(self, task: Task) -> None:
        """Forget the life of a task that came to rest, and tell those that wait for it."""
        self._lives.pop(task.id, None)
        self._tell_dependents(task.id, task.title, succeeded=task.status == "done")

    def forget(self, task: Task) -> None:
        """Fail those that wait for a task that is deleted."""
        self._tell_dependents(task.id, task.title, succeeded=False)

    def _tell_dependents(self, task_id: str, title: str, *, succeeded: bool) -> None:
        """Let those go on that waited for a task, or fail them, and whoever waits for them."""
        ended = deque([(task_id, title, succeeded)])
        while ended:
            task_id, title, succeeded = ended.popleft()
            for life in filter(self._is_current, self._waiting_for.pop(task_id, ())):
                life.waits_for.discard(task_id)
                if not succeeded:
                    self._fail_for_dependency(life, title)
                    ended.append((life.task.id, life.task.title, False))
                elif not life.waits_for:
                    self.enter_queue(life.task)

    def _fail_for_dependency(self, life: Life, title: str) -> None:
        message = f"its dependency {title!r} did not succeed"
        self._moves.failed_attempt(life.task, "dependency", message)
        self._moves.come_to_rest(
            life.task, "failed", reason="dependency", since=life.asked_at, attempt=None
        )
        del self._lives[life.task.id]
