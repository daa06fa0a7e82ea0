"""`Tasks`: what is asked of tasks, by name. How it is asked is in `calls`."""

from __future__ import annotations

from typing import Any

from polpo_lab.client import drafting
from polpo_lab.client.following import Follower
from polpo_lab.client.resources import Driver
from polpo_lab.client.stream import EventStream
from polpo_lab.models import Event, KeptFile, Task, TaskCreate

# Inside a class with a method `list`, the builtin cannot be named.
TaskList = list[Task]
FileList = list[KeptFile]
EventList = list[Event]


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
            Only the tasks of this group, or of this agent.
        include_attempts : bool
            With all rounds, from servers that tell them; others leave ``attempts`` None.

        Returns
        -------
        list of Task

        Raises
        ------
        InvalidArgument
            There is no such status; nothing was sent.
        """
        flow = self._calls.list_tasks(status, group, assign_to, include_attempts)
        return [self._readable(task) for task in self._driver.run(flow)]

    def create(self, task: TaskCreate | None = None, /, **fields: Any) -> Task:
        """Create a task; it stands in draft until it is executed.

        Parameters
        ----------
        task : TaskCreate, optional
            Instead of keywords.
        **fields : Any
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
            The server does not take a field, such as ``files`` or ``seed``; nothing was sent.
        ValidationFailed, Conflict
            The server refuses it.
        """
        draft = drafting.draft_task(task, fields)
        drafting.warn_if_never_reached(draft.max_retries, draft.retry_policy)
        return self._readable(self._driver.run(self._calls.create_task(draft)))

    def get(self, task: Task | str) -> Task:
        """Get a task as it stands now, with result, assessment and, where told, all rounds.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

        Returns
        -------
        Task

        Raises
        ------
        NotFound
        """
        return self._readable(self._driver.run(self._calls.get_task(task)))

    def update(self, task: Task | str, **fields: Any) -> Task:
        """Change the given fields, and no others; None clears an optional one.

        Parameters
        ----------
        task : Task or str
            The task, or its id.
        **fields : Any
            As in `create`.

        Returns
        -------
        Task
            As it stands after the change.

        Raises
        ------
        InvalidArgument
            A field is wrong or unknown; nothing was sent.
        NotFound, InvalidState
        """
        return self._readable(self._driver.run(self._calls.update_task(task, fields)))

    def delete(self, task: Task | str) -> None:
        """Delete a task that is not executing.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

        Raises
        ------
        NotFound, InvalidState
        """
        self._driver.run(self._calls.delete_task(task))

    def retry(self, task: Task | str) -> Task:
        """Queue a failed task for another attempt; it runs by itself. `follow` shows it.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

        Returns
        -------
        Task
            As it stands after the call.

        Raises
        ------
        NotFound, InvalidState
        """
        return self._readable(self._driver.run(self._calls.act_on_task(task, "retry")))

    def kill(self, task: Task | str) -> Task:
        """Stop a task and fail it at once.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

        Returns
        -------
        Task
            As it stands after the call.

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
            The task, or its id.
        expectations : list, optional
            Judge by these and leave the task's own as they are (embedded server only).

        Returns
        -------
        Task
            With the new assessment.

        Raises
        ------
        NotFound, InvalidState, UnsupportedByServer
        """
        flow = self._calls.reassess_task(task, expectations)
        return self._readable(self._driver.run(flow))

    def execute(self, task: Task | str) -> EventStream:
        """Start a task and stream its events.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

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
            The task, or its id.
        last_event_id : int, optional
            Start behind this event; default: from the first.

        Returns
        -------
        EventStream
            Open already: a refusal is raised here, not at the first event.

        Raises
        ------
        NotFound, UnsupportedByServer
        """
        follower = Follower(self._calls, task, last_event_id)
        return EventStream(self._driver.connections, follower, follower.reattachment())

    def events(self, task: Task | str) -> EventList:
        """List the events that a task's stream has told so far. Embedded server only.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

        Returns
        -------
        list of Event
            Oldest first.

        Raises
        ------
        NotFound, UnsupportedByServer
        """
        return self._driver.run(self._calls.list_events(task))

    def files(
        self,
        task: Task | str,
        attempt: int | None = None,
        round: int | None = None,  # noqa: A002  # the wire's word
    ) -> FileList:
        """List the kept files of a round; default: the last. Embedded server only.

        Parameters
        ----------
        task : Task or str
            The task, or its id.
        attempt : int, optional
            Counted from 1; default: the last.
        round : int, optional
            Counted from 0, within the attempt; default: its last.

        Returns
        -------
        list of KeptFile

        Raises
        ------
        NotFound, UnsupportedByServer
        """
        return self._driver.run(self._calls.list_files(task, attempt, round))

    def read_file(
        self,
        task: Task | str,
        path: str,
        attempt: int | None = None,
        round: int | None = None,  # noqa: A002  # the wire's word
    ) -> bytes:
        """Read one kept file of a round; default: the last. Embedded server only.

        Parameters
        ----------
        task : Task or str
            The task, or its id.
        path : str
            Relative to the workspace, as `files` lists it.
        attempt : int, optional
            Counted from 1; default: the last.
        round : int, optional
            Counted from 0, within the attempt; default: its last.

        Returns
        -------
        bytes

        Raises
        ------
        InvalidArgument
            The path leaves the workspace; nothing was sent.
        NotFound, UnsupportedByServer
        """
        return self._driver.run(self._calls.read_file(task, path, attempt, round))

    def _readable(self, task: Task) -> Task:
        """Let the task read its kept files through this client, when they are looked at."""
        return task.bind_files(
            lambda attempt, round_, path: self.read_file(task.id, path, attempt, round_)
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"
