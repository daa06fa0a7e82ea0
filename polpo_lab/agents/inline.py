"""`InlineAgent`: a trusted async function that runs in the server's own loop."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from polpo_lab.agents.naming import described, named
from polpo_lab.agents.pickled import source_version
from polpo_lab.agents.view import AgentEvent, Ended, Output, Spent, TaskView, ToolUse
from polpo_lab.errors import InvalidArgument
from polpo_lab.sandbox import Sandbox


class InlineAgent:
    """An async function or async generator without a process of its own.

    Nothing is isolated: kill and the time limit act at its next ``await``.

    Parameters
    ----------
    fn : callable
        ``async def``; takes the task view; returns text, or yields ``str``, `ToolUse`, `Spent`.
    name, description, version : str, optional
        The function's name and the first line of its docstring by default; ``version`` is
        joined to the hash of its source.
    """

    kind = "function"
    inline = True

    def __init__(
        self,
        fn: Callable[[TaskView], Any],
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
    ) -> None:
        self.name = named(fn, name)
        call = fn if inspect.isroutine(fn) else getattr(fn, "__call__", fn)  # noqa: B004
        if not (inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)):
            raise InvalidArgument(
                f"agent {self.name!r} is not an async function, so isolation='inline' would let "
                "it block the whole server: write it with 'async def', or leave isolation out "
                "and it gets a worker process"
            )
        self.description = described(fn, description)
        self.version = source_version(fn, version)
        self._fn = fn

    async def run(self, view: TaskView, sandbox: Sandbox) -> AsyncIterator[AgentEvent]:  # noqa: ARG002
        """Run the function; see `polpo_lab.agents.agent.Agent.run`."""
        try:
            answer = self._fn(view)
            if inspect.isasyncgen(answer):
                async with aclosing(answer):
                    async for item in answer:
                        yield _event(item)
                content = None
            else:
                content = await answer
        except Exception as error:  # noqa: BLE001  # an agent may raise anything
            yield Ended("crash", error=f"{type(error).__name__}: {error}")
            return
        yield Ended("ok", content=None if content is None else str(content))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, version {self.version}>"


def _event(item: Any) -> AgentEvent:
    if isinstance(item, str):
        return Output(item)
    if isinstance(item, (Output, ToolUse, Spent)):
        return item
    raise TypeError(
        f"the agent yielded {item!r:.80} of type {type(item).__name__}; "
        "it may yield str, ToolUse, Spent and Output"
    )
