"""`Agent`: what the engine asks of every agent, whatever it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from polpo_lab.agents.view import AgentEvent, TaskView
from polpo_lab.sandbox import Sandbox


class Agent(Protocol):
    """Takes a task view, gives events."""

    @property
    def name(self) -> str:
        """What tasks are assigned to."""
        ...

    @property
    def kind(self) -> str:
        """One of function, command, model."""
        ...

    @property
    def description(self) -> str:
        """One line for people."""
        ...

    @property
    def version(self) -> str:
        """Changes when the agent's source does."""
        ...

    @property
    def model(self) -> str | None:
        """The language model it works with where the policy names no other; None without one."""
        ...

    @property
    def inline(self) -> bool:
        """Whether it runs in the server's own loop, without a process."""
        ...

    def run(self, view: TaskView, sandbox: Sandbox) -> AsyncIterator[AgentEvent]:
        """Work on a task: an async generator of events, exactly one `Ended` last.

        It never raises for what the agent did. Closing it, or cancelling the task that
        iterates it, ends every process of the agent before it returns.
        """
        ...
