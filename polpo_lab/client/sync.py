"""`Polpo`: the client for plain Python. Drives the flows of `calls` over `connections`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn, Self, TypeVar

from pydantic import SecretStr

from polpo_lab.client import drafting
from polpo_lab.client.calls import Calls, task_id_of
from polpo_lab.client.connections import Connections
from polpo_lab.client.exchange import Flow, Reply, Wait
from polpo_lab.client.following import Follower
from polpo_lab.client.retrying import Retries
from polpo_lab.client.running import awaits_approval, draft_run, still_running
from polpo_lab.client.settings import MAX_CONNECTIONS, not_picklable, prepare
from polpo_lab.client.stream import EventStream
from polpo_lab.client.wire import Timeouts
from polpo_lab.models import (
    AgentInfo,
    Approval,
    Event,
    Health,
    KeptFile,
    Task,
    TaskCreate,
)

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


class Polpo:
    """A connection to a Polpo server. Threads may share one.

    Parameters
    ----------
    base_url : str
        Such as ``https://acme.polpo.cloud``, with or without ``/v1``.
    key : str or SecretStr, optional
        Default: ``POLPO_API_KEY``, which goes only to ``https://*.polpo.cloud`` and to
        hosts named in ``POLPO_HOSTS``. No key goes over plain http to another machine,
        or to where a redirect points.
    dialect : {"cloud", "embedded"}, optional
        Default: found out from the address or the server.
    timeout : Timeouts, optional
    retries : Retries or int, optional
        An int is the number of repeats; 0 turns them off.
    max_connections : int, default 900
        Streams open at once. (Calls have connections of their own.)

    Raises
    ------
    InvalidArgument
        For an address or a key that cannot be used. Nothing is sent yet.

    Examples
    --------
    >>> with Polpo("https://acme.polpo.cloud", key="sk_live_...") as p:  # doctest: +SKIP
    ...     task = p.run("backend-dev", "Say hello", expect="The greeting is polite")
    """

    def __init__(
        self,
        base_url: str,
        key: str | SecretStr | None = None,
        *,
        dialect: str | None = None,
        timeout: Timeouts | None = None,
        retries: Retries | int | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        calls, wire, timeouts = prepare(
            base_url,
            key,
            dialect=dialect,
            timeout=timeout,
            retries=retries,
            max_connections=max_connections,
        )
        connections = Connections(calls.address, wire, max_connections, timeouts.pool)
        self._driver = Driver(calls, connections)
        self.base_url = str(calls.address)
        self.tasks = Tasks(self._driver)
        self.approvals = Approvals(self._driver)
        self.groups = Groups(self._driver)
        self.agents = Agents(self._driver)

    def dialect(self) -> str:
        """Return what kind of server this is, "cloud" or "embedded"; asks it if need be."""
        return self._driver.run(self._driver.calls.known_dialect()).name

    def health(self) -> Health:
        """Return what the server says of itself; sends no key."""
        return self._driver.run(self._driver.calls.health())

    def run(
        self,
        agent: str,
        description: str,
        *,
        title: str | None = None,
        expect: Any = None,
        wait_for_approval: bool = False,
        on_event: Callable[[Event], object] | None = None,
        **fields: Any,
    ) -> Task:
        """Create a task, execute it, read its stream to the end, and return it.

        Interrupting it ends the watching; the task goes on.

        Parameters
        ----------
        agent, description : str
        title : str, optional
            Default: made from the description.
        expect : str, dict, model or list of those, optional
            Expectations; a text is a criterion.
        wait_for_approval : bool
            False: return when the task comes to wait for an approval.
        on_event : callable, optional
            Called with each event.
        **fields
            Further fields, as in `Tasks.create`.

        Returns
        -------
        Task
        """
        created = draft_run(agent, description, title, expect, fields)
        drafting.warn_if_never_reached(created.max_retries, created.retry_policy)
        task = self.tasks.create(created)
        try:
            with self.tasks.execute(task) as stream:
                for event in stream:
                    if on_event is not None:
                        on_event(event)
                    if not wait_for_approval and awaits_approval(event):
                        break
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(still_running(task_id_of(task)))
            raise
        return self.tasks.get(task)

    def close(self) -> None:
        """Close all connections; tasks go on."""
        self._driver.connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise not_picklable(self)

    def __repr__(self) -> str:
        return f"Polpo({self.base_url!r})"
