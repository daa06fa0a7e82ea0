"""What hangs on a `Polpo` besides its `tasks`, and who performs the flows of all of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from polpo_lab.client.calls import Calls
from polpo_lab.client.exchange import Flow, Reply, Wait
from polpo_lab.models import AgentInfo, Approval, Task

if TYPE_CHECKING:
    from polpo_lab.client.connections import Connections

T = TypeVar("T")

# Inside a class with a method `list`, the builtin cannot be named.
TaskList = list[Task]
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


class Approvals:
    """Decisions that tasks with side effects wait for: ``p.approvals``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def list(self, status: str | None = None) -> ApprovalList:
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
        return self._driver.run(self._calls.list_approvals(status))

    def approve(self, approval: Approval | str) -> Approval:
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
        return self._driver.run(self._calls.resolve_approval(approval, "approve"))

    def reject(self, approval: Approval | str, feedback: str) -> Approval:
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
        return self._driver.run(self._calls.resolve_approval(approval, "reject", feedback))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"


class Groups:
    """Groups of tasks: ``p.groups``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def run(self, group: str) -> TaskList:
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
        return self._driver.run(self._calls.run_group(group))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"


class Agents:
    """The agents that tasks can be assigned to: ``p.agents``."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._calls = driver.calls

    def list(self) -> AgentList:
        """List agents with their kinds and descriptions.

        Returns
        -------
        list of AgentInfo

        Raises
        ------
        UnsupportedByServer
        """
        return self._driver.run(self._calls.list_agents())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.gateway.address}>"
