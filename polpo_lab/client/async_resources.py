"""`resources`, awaited: same names, same parameters, same words (tested)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from polpo_lab.client.calls import Calls
from polpo_lab.client.exchange import Flow, Reply, Wait
from polpo_lab.models import AgentInfo, Approval, Task

if TYPE_CHECKING:
    from polpo_lab.client.async_connections import AsyncConnections

T = TypeVar("T")

# Inside a class with a method `list`, the builtin cannot be named.
TaskList = list[Task]
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


class AsyncApprovals:
    """`Approvals`, awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def list(self, status: str | None = None) -> ApprovalList:
        """List approvals.

        Parameters
        ----------
        status : str, optional
            One of pending, approved, rejected, cancelled.

        Returns
        -------
        list of Approval

        Raises
        ------
        UnsupportedByServer
        """
        return await self._driver.run(self._calls.list_approvals(status))

    async def approve(self, approval: Approval | str) -> Approval:
        """Let the task complete, or run again.

        Parameters
        ----------
        approval : Approval or str
            The approval, or its id.

        Returns
        -------
        Approval
            As it stands after the call.

        Raises
        ------
        NotFound
        Conflict
            It was decided before.
        """
        return await self._driver.run(self._calls.resolve_approval(approval, "approve"))

    async def reject(self, approval: Approval | str, feedback: str) -> Approval:
        """Fail the task, saying why.

        Parameters
        ----------
        approval : Approval or str
            The approval, or its id.
        feedback : str
            What the task failed for; it must say something.

        Returns
        -------
        Approval
            As it stands after the call.

        Raises
        ------
        InvalidArgument
            The feedback says nothing; nothing was sent.
        NotFound
        Conflict
            It was decided before.
        """
        return await self._driver.run(self._calls.resolve_approval(approval, "reject", feedback))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"


class AsyncGroups:
    """`Groups`, awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def run(self, group: str) -> TaskList:
        """Queue all tasks of a group in the order of their dependencies. Embedded server only.

        Parameters
        ----------
        group : str
            The group's name.

        Returns
        -------
        list of Task
            As they stand when queued.

        Raises
        ------
        NotFound, InvalidState, UnsupportedByServer
        """
        return await self._driver.run(self._calls.run_group(group))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"


class AsyncAgents:
    """`Agents`, awaited."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._calls = driver.calls

    async def list(self) -> AgentList:
        """List agents with their kinds and descriptions.

        Returns
        -------
        list of AgentInfo

        Raises
        ------
        UnsupportedByServer
        """
        return await self._driver.run(self._calls.list_agents())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"
