"""`resources`, awaited: same names, same parameters, same words (tested)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from polpo_lab.client import drafting
from polpo_lab.client.async_stream import AsyncEventStream
from polpo_lab.client.calls import Calls
from polpo_lab.client.exchange import Flow, Reply, Wait
from polpo_lab.client.following import Follower
from polpo_lab.models import AgentInfo, Approval, KeptFile, Task, TaskCreate

if TYPE_CHECKING:
    from polpo_lab.client.async_connections import AsyncConnections

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
