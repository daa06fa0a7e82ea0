"""What hangs on a `Polpo`: tasks, approvals, groups, agents, and who performs their flows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from polpo_lab.client import drafting
from polpo_lab.client.calls import Calls
from polpo_lab.client.exchange import Flow, Reply, Wait
from polpo_lab.client.following import Follower
from polpo_lab.client.stream import EventStream
from polpo_lab.models import AgentInfo, Approval, KeptFile, Task, TaskCreate

if TYPE_CHECKING:
    from polpo_lab.client.connections import Connections

T = TypeVar("T")

# Inside a class with a method `list`, the builtin cannot be named.
TaskList = list[Task]
FileList = list[KeptFile]
ApprovalList = list[Approval]
AgentList = list[AgentInfo]


class Driver:
    """Performs what a flow asks for, step by step."""

    def __init__(self, calls: Calls, connections: Connections) -> None:
        self.calls = calls
        self.connections = connections

    def run(self, flow: Flow[T]) -> T:
        """Perform every step of a flow and return what it comes to."""
        reply: Reply = None
        try:
            while True:
                step = flow.send(reply)
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                    reply = None
                else:
                    reply = self.connections.exchange(step)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Tasks:
    """The tasks of a server: ``p.tasks``. A task is given as a `Task` or as its id."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def list(
        self,
        status: str | None = None,
        group: str | None = None,
        assign_to: str | None = None,
        include_attempts: bool = False,
    ) -> TaskList:
        """List tasks, oldest first.

        Parameters
        ----------
        status : str, optional
            One of draft, pending, assigned, in_progress, review, done, failed,
            awaiting_approval.
        group, assign_to : str, optional
        include_attempts : bool
            With all rounds, from servers that tell them; others leave ``attempts`` None.

        Returns
        -------
        list of Task
        """
        flow = self._calls.list_tasks(status, group, assign_to, include_attempts)
        return [self._readable(task) for task in self._driver.run(flow)]

    def create(self, task: TaskCreate | None = None, /, **fields: Any) -> Task:
        """Create a task; it stands in draft until it is executed.

        Parameters
        ----------
        task : TaskCreate, optional
            Instead of keywords.
        **fields
            The fields of `TaskCreate`, in snake_case or camelCase; ``title``,
            ``description`` and ``assign_to`` are required. An expectation may be a text
            (a criterion), a dict or a model; a file's content a text, bytes or a `Path`.

        Returns
        -------
        Task

        Raises
        ------
        InvalidArgument
            A field is wrong or unknown; nothing was sent.
        UnsupportedByServer
            The server does not take ``files``, ``max_fix_attempts`` or ``seed``.
        ValidationFailed, Conflict
            The server refuses it.
        """
        draft = drafting.draft_task(task, fields)
        drafting.warn_if_never_reached(draft.max_retries, draft.retry_policy)
        return self._readable(self._driver.run(self._calls.create_task(draft)))

    def get(self, task: Task | str) -> Task:
        """Get a task as it stands now, with result, assessment and, where told, all rounds.

        Raises
        ------
        NotFound
        """
        return self._readable(self._driver.run(self._calls.get_task(task)))

    def update(self, task: Task | str, **fields: Any) -> Task:
        """Change the given fields, and no others; None clears an optional one.

        Raises
        ------
        InvalidArgument, NotFound, InvalidState
        """
        return self._readable(self._driver.run(self._calls.update_task(task, fields)))

    def delete(self, task: Task | str) -> None:
        """Delete a task that is not executing.

        Raises
        ------
        NotFound, InvalidState
        """
        self._driver.run(self._calls.delete_task(task))

    def retry(self, task: Task | str) -> Task:
        """Queue a failed task for another attempt; it runs by itself. `follow` shows it.

        Raises
        ------
        NotFound, InvalidState
        """
        return self._readable(self._driver.run(self._calls.act_on_task(task, "retry")))

    def kill(self, task: Task | str) -> Task:
        """Stop a task and fail it at once.

        Raises
        ------
        NotFound, InvalidState
        """
        return self._readable(self._driver.run(self._calls.act_on_task(task, "kill")))

    def reassess(self, task: Task | str, expectations: Any = None) -> Task:
        """Judge a finished task anew, without running the agent; returns when it is judged.

        Parameters
        ----------
        task : Task or str
        expectations : list, optional
            Judge by these and leave the task's own as they are (embedded server only).

        Raises
        ------
        NotFound, InvalidState, UnsupportedByServer
        """
        flow = self._calls.reassess_task(task, expectations)
        return self._readable(self._driver.run(flow))

    def execute(self, task: Task | str) -> EventStream:
        """Start a task and stream its events.

        Returns
        -------
        EventStream
            Open already: a refusal is raised here, not at the first event.

        Raises
        ------
        InvalidState
            It is executing, waiting or done, or depends on an unfinished task.
        ConnectionFailed
            The message says whether the task may have started; execute is never sent
            twice by itself.
        """
        follower = Follower(self._calls, task)
        return EventStream(self._driver.connections, follower, follower.execution())

    def follow(self, task: Task | str, last_event_id: int | None = None) -> EventStream:
        """Stream the events of a task that runs already, or replay one that ran.

        Parameters
        ----------
        task : Task or str
        last_event_id : int, optional
            Start behind this event; default: from the first.

        Raises
        ------
        NotFound, UnsupportedByServer
        """
        follower = Follower(self._calls, task, last_event_id)
        return EventStream(self._driver.connections, follower, follower.reattachment())

    def files(
        self,
        task: Task | str,
        attempt: int | None = None,
        round: int | None = None,  # noqa: A002  # the wire's word
    ) -> FileList:
        """List the kept files of a round; default: the last. Embedded server only."""
        return self._driver.run(self._calls.list_files(task, attempt, round))

    def read_file(
        self,
        task: Task | str,
        path: str,
        attempt: int | None = None,
        round: int | None = None,  # noqa: A002  # the wire's word
    ) -> bytes:
        """Read one kept file of a round; default: the last. Embedded server only.

        Raises
        ------
        NotFound, UnsupportedByServer
        """
        return self._driver.run(self._calls.read_file(task, path, attempt, round))

    def _readable(self, task: Task) -> Task:
        """Let the task read its kept files through this client, when they are looked at."""
        return task.bind_files(
            lambda attempt, round_, path: self.read_file(task.id, path, attempt, round_)
        )


class Approvals:
    """Decisions that tasks with side effects wait for: ``p.approvals``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def list(self, status: str | None = None) -> ApprovalList:
        """List approvals; ``status`` is pending, approved, rejected or cancelled."""
        return self._driver.run(self._calls.list_approvals(status))

    def approve(self, approval: Approval | str) -> Approval:
        """Let the task complete, or run again; a `Conflict` if it was decided before."""
        return self._driver.run(self._calls.resolve_approval(approval, "approve"))

    def reject(self, approval: Approval | str, feedback: str) -> Approval:
        """Fail the task, saying why; a `Conflict` if it was decided before."""
        return self._driver.run(self._calls.resolve_approval(approval, "reject", feedback))


class Groups:
    """Groups of tasks: ``p.groups``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def run(self, group: str) -> TaskList:
        """Queue all tasks of a group in the order of their dependencies. Embedded server only.

        Raises
        ------
        NotFound, InvalidState, UnsupportedByServer
        """
        return self._driver.run(self._calls.run_group(group))


class Agents:
    """The agents that tasks can be assigned to: ``p.agents``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def list(self) -> AgentList:
        """List agents with their kinds and descriptions."""
        return self._driver.run(self._calls.list_agents())
