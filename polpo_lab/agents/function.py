"""`FunctionAgent`: a Python function, run in a worker process of its own for each round."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from polpo_lab.agents.calls import Call, Raised, Returned, Workload, call_worker
from polpo_lab.agents.grants import granted_folders, granted_network
from polpo_lab.agents.naming import described, named
from polpo_lab.agents.pickled import pickle_callable, source_lines, source_version
from polpo_lab.agents.task_file import task_environment
from polpo_lab.agents.view import AgentEvent, Ended, TaskView
from polpo_lab.errors import PolpoLabError
from polpo_lab.hostile_text import valid_unicode
from polpo_lab.sandbox import Sandbox


class FunctionAgent:
    """A function of the task view, sync or async.

    It returns text, or yields ``str``, `ToolUse` and `Spent`; what it prints is output.

    Parameters
    ----------
    fn : callable
    name, description, version : str, optional
        The function's name and the first line of its docstring by default; ``version`` is
        joined to the hash of its source.
    network : bool
        Whether it may use the network.
    read_only : sequence of pathlib.Path
        Folders it may read, and import from.
    folder : pathlib.Path, optional
        The notebook's folder, readable and importable too; the current one by default.
        A home folder, or one above it, is not opened: put the notebook in a folder.

    Raises
    ------
    InvalidArgument
        When it is no function of one argument.
    NotPicklable
        When it cannot be sent to a worker; names the variable.
    """

    kind = "function"
    model = None
    inline = False

    def __init__(
        self,
        fn: Callable[[TaskView], Any],
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
        network: bool = False,
        read_only: Sequence[Path] = (),
        folder: Path | None = None,
    ) -> None:
        self.name = named(fn, name)
        self.description = described(fn, description)
        self.version = source_version(fn, version)
        notebook = (Path.cwd() if folder is None else folder).resolve()
        opened = () if Path.home().resolve().is_relative_to(notebook) else (notebook,)
        self._read_only = (*opened, *granted_folders(read_only))
        self._network = granted_network(network)
        self._fn = fn
        self._pickled()  # refuses now rather than at the first run

    async def run(self, view: TaskView, sandbox: Sandbox) -> AsyncIterator[AgentEvent]:
        """Run the function; see `polpo_lab.agents.agent.Agent.run`."""
        try:
            workload = Workload(
                functions=[self._pickled()],
                calls=[Call(0, "agent", {"task": view.to_json()})],
                path=self._import_path(),
                sources=source_lines(self._fn),
            )
            environment = task_environment(view)
        except PolpoLabError as error:
            yield Ended("crash", error=str(error))
            return
        end = Ended("crash", error="the worker ended without an answer")
        events = call_worker(
            sandbox,
            workload,
            workspace=view.workspace,
            network=self._network,
            read_only=self._read_only,
            env=environment,
        )
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Returned):
                        end = Ended("ok", content=_content(event.value))
                    elif isinstance(event, Raised):
                        end = Ended("crash", error=event.error)
                    else:
                        yield event
        except OSError as error:
            end = Ended("crash", error=f"the worker could not be started: {error}")
        yield end

    def _pickled(self) -> bytes:
        # Anew at each run: what a later cell defines must reach the worker.
        return pickle_callable(
            self._fn, what=f"agent {self.name!r}", folders=tuple(self._import_path())
        )

    def _import_path(self) -> list[Path]:
        """Return the folders to import from: those opened, and what is below them on our path."""
        installed = (Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve())
        entries = [Path(entry).resolve() for entry in sys.path if entry]
        below = [
            entry
            for entry in entries
            if any(entry.is_relative_to(folder) for folder in self._read_only)
            and not any(entry.is_relative_to(prefix) for prefix in installed)
        ]
        return list(dict.fromkeys((*self._read_only, *below)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, version {self.version}>"


def _content(value: Any) -> str | None:
    return None if value is None else valid_unicode(str(value))
