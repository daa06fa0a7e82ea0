"""`AsyncPolpo`: the client for asyncio. Same names as in `sync`, awaited; documented there."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, NoReturn, Self, TypeVar

from pydantic import SecretStr

from polpo_lab.client import drafting
from polpo_lab.client.calls import Calls
from polpo_lab.client.connections import AsyncConnections
from polpo_lab.client.exchange import Flow, Reply, Wait
from polpo_lab.client.following import Follower
from polpo_lab.client.retrying import Retries
from polpo_lab.client.running import awaits_approval, draft_run
from polpo_lab.client.settings import MAX_CONNECTIONS, not_picklable, prepare
from polpo_lab.client.stream import AsyncEventStream
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


class AsyncDriver:
    """Performs what a flow asks for, step by step."""

    def __init__(self, calls: Calls, connections: AsyncConnections) -> None:
        self.calls = calls
        self.connections = connections

    async def run(self, flow: Flow[T]) -> T:
        """Perform every step of a flow and return what it comes to."""
        reply: Reply = None
        try:
            while True:
                step = flow.send(reply)
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                    reply = None
                else:
                    reply = await self.connections.exchange(step)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class AsyncTasks:
    """`Tasks`, awaited. Kept files are read with `read_file`: a mapping cannot be awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def list(
        self,
        status: str | None = None,
        group: str | None = None,
        assign_to: str | None = None,
        include_attempts: bool = False,
    ) -> TaskList:
        """List tasks, oldest first."""
        flow = self._calls.list_tasks(status, group, assign_to, include_attempts)
        return await self._driver.run(flow)

    async def create(self, task: TaskCreate | None = None, /, **fields: Any) -> Task:
        """Create a task; it stands in draft until it is executed."""
        draft = drafting.draft_task(task, fields)
        drafting.warn_if_never_reached(draft.max_retries, draft.retry_policy)
        return await self._driver.run(self._calls.create_task(draft))

    async def get(self, task: Task | str) -> Task:
        """Get a task as it stands now, with result, assessment and, where told, all rounds."""
        return await self._driver.run(self._calls.get_task(task))

    async def update(self, task: Task | str, **fields: Any) -> Task:
        """Change the given fields, and no others; None clears an optional one."""
        return await self._driver.run(self._calls.update_task(task, fields))

    async def delete(self, task: Task | str) -> None:
        """Delete a task that is not executing."""
        await self._driver.run(self._calls.delete_task(task))

    async def retry(self, task: Task | str) -> Task:
        """Queue a failed task for another attempt; it runs by itself. `follow` shows it."""
        return await self._driver.run(self._calls.act_on_task(task, "retry"))

    async def kill(self, task: Task | str) -> Task:
        """Stop a task and fail it at once."""
        return await self._driver.run(self._calls.act_on_task(task, "kill"))

    async def reassess(self, task: Task | str, expectations: Any = None) -> Task:
        """Judge a finished task anew, without running the agent; returns when it is judged."""
        flow = self._calls.reassess_task(task, expectations)
        return await self._driver.run(flow)

    def execute(self, task: Task | str) -> AsyncEventStream:
        """Start a task and stream its events."""
        follower = Follower(self._calls, task)
        return AsyncEventStream(self._driver.connections, follower, follower.execution())

    def follow(self, task: Task | str, last_event_id: int | None = None) -> AsyncEventStream:
        """Stream the events of a task that runs already, or replay one that ran."""
        follower = Follower(self._calls, task, last_event_id)
        return AsyncEventStream(self._driver.connections, follower, follower.reattachment())

    async def files(
        self,
        task: Task | str,
        attempt: int | None = None,
        round: int | None = None,  # noqa: A002  # the wire's word
    ) -> FileList:
        """List the kept files of a round; default: the last. Embedded server only."""
        return await self._driver.run(self._calls.list_files(task, attempt, round))

    async def read_file(
        self,
        task: Task | str,
        path: str,
        attempt: int | None = None,
        round: int | None = None,  # noqa: A002  # the wire's word
    ) -> bytes:
        """Read one kept file of a round; default: the last. Embedded server only."""
        return await self._driver.run(self._calls.read_file(task, path, attempt, round))


class AsyncApprovals:
    """`Approvals`, awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def list(self, status: str | None = None) -> ApprovalList:
        """List approvals; ``status`` is pending, approved, rejected or cancelled."""
        return await self._driver.run(self._calls.list_approvals(status))

    async def approve(self, approval: Approval | str) -> Approval:
        """Let the task complete, or run again; a `Conflict` if it was decided before."""
        return await self._driver.run(self._calls.resolve_approval(approval, "approve"))

    async def reject(self, approval: Approval | str, feedback: str) -> Approval:
        """Fail the task, saying why; a `Conflict` if it was decided before."""
        return await self._driver.run(self._calls.resolve_approval(approval, "reject", feedback))


class AsyncGroups:
    """`Groups`, awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def run(self, group: str) -> TaskList:
        """Queue all tasks of a group in the order of their dependencies. Embedded server only."""
        return await self._driver.run(self._calls.run_group(group))


class AsyncAgents:
    """`Agents`, awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def list(self) -> AgentList:
        """List agents with their kinds and descriptions."""
        return await self._driver.run(self._calls.list_agents())


class AsyncPolpo:
    """A connection to a Polpo server, for asyncio. It belongs to one event loop.

    Parameters and behaviour are those of `Polpo`.

    Examples
    --------
    >>> async with AsyncPolpo("https://acme.polpo.cloud") as p:  # doctest: +SKIP
    ...     async for event in p.tasks.execute(task):
    ...         print(event.type)
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
        connections = AsyncConnections(calls.address, wire, max_connections, timeouts.pool)
        self._driver = AsyncDriver(calls, connections)
        self.base_url = str(calls.address)
        self.tasks = AsyncTasks(self._driver)
        self.approvals = AsyncApprovals(self._driver)
        self.groups = AsyncGroups(self._driver)
        self.agents = AsyncAgents(self._driver)

    async def dialect(self) -> str:
        """Return what kind of server this is, "cloud" or "embedded"; asks it if need be."""
        return (await self._driver.run(self._driver.calls.known_dialect())).name

    async def health(self) -> Health:
        """Return what the server says of itself; sends no key."""
        return await self._driver.run(self._driver.calls.health())

    async def run(
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
        """Create a task, execute it, read its stream to the end, and return it."""
        created = draft_run(agent, description, title, expect, fields)
        drafting.warn_if_never_reached(created.max_retries, created.retry_policy)
        task = await self.tasks.create(created)
        async with self.tasks.execute(task) as stream:
            async for event in stream:
                if on_event is not None:
                    told = on_event(event)
                    if inspect.isawaitable(told):
                        await told
                if not wait_for_approval and awaits_approval(event):
                    break
        return await self.tasks.get(task)

    async def close(self) -> None:
        """Close all connections; tasks go on."""
        await self._driver.connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise not_picklable(self)

    def __repr__(self) -> str:
        return f"AsyncPolpo({self.base_url!r})"
