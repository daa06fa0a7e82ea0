"""`CommandAgent`: a program run in the workspace; what it prints is the agent's output."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from polpo_lab.agents.command_output import StandardOutput
from polpo_lab.agents.exits import describe_exit
from polpo_lab.agents.grants import granted_folders, granted_network, granted_variables
from polpo_lab.agents.json_lines import JsonLines, LineEvent, rules_from
from polpo_lab.agents.merging import merge
from polpo_lab.agents.naming import checked_name
from polpo_lab.agents.pickled import version_of_text
from polpo_lab.agents.task_file import task_environment
from polpo_lab.agents.view import AgentEvent, Ended, Output, TaskView
from polpo_lab.errors import InvalidArgument, PolpoLabError
from polpo_lab.sandbox import Sandbox, SandboxedProcess

_PIECE = 32 * 1024
_LAST_LINE_CHARACTERS = 500
_PLACEHOLDER = re.compile(r"\{(title|description|workspace|attempt|round|model)\}")


class CommandAgent:
    """A program and its arguments, without a shell.

    Parameters
    ----------
    name : str
    argv : sequence of str
        ``{title}``, ``{description}``, ``{workspace}``, ``{attempt}``, ``{round}`` and
        ``{model}`` are filled in, each staying within its argument; other braces stay.
    description : str
    network : bool
        Whether it may use the network.
    env : mapping of str to str
        Variables added to its minimal environment.
    read_only : sequence of pathlib.Path
        Folders it may read.
    version : str, optional
        Declared by you; joined to the hash of ``argv`` and ``stream``.
    stream : sequence of mapping, optional
        What the JSON lines that it prints mean; see `polpo_lab.agents.json_lines.Rule`.
    """

    kind = "command"
    model = None
    inline = False

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        description: str = "",
        network: bool = False,
        env: Mapping[str, str] | None = None,
        read_only: Sequence[Path] = (),
        version: str | None = None,
        stream: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.name = checked_name(name)
        if isinstance(argv, str) or not argv or not all(isinstance(part, str) for part in argv):
            raise InvalidArgument(
                f"argv={argv!r} of agent {name!r} must be a list of texts, such as "
                "['python3', 'agent.py', '{title}']; for a shell use ['/bin/sh', '-c', '...']"
            )
        self.description = description
        self._rules = None if stream is None else rules_from(stream, name)
        declared = "\0".join(argv) if stream is None else json.dumps([list(argv), stream])
        self.version = version_of_text(declared, version)
        self._argv = tuple(argv)
        self._network = granted_network(network)
        self._env = granted_variables(env)
        self._read_only = granted_folders(read_only)

    async def run(self, view: TaskView, sandbox: Sandbox) -> AsyncIterator[AgentEvent]:
        """Run the program; see `polpo_lab.agents.agent.Agent.run`."""
        try:
            process = await sandbox.spawn(
                [_filled_in(part, view) for part in self._argv],
                workspace=view.workspace,
                env={**task_environment(view), **self._env},
                network=self._network,
                read_only=self._read_only,
            )
        except (OSError, ValueError, PolpoLabError) as error:  # such as an argument with a NUL
            yield Ended("crash", error=f"the command could not be started: {error}")
            return
        last_line = _LastLine()
        reader = StandardOutput() if self._rules is None else JsonLines(self._rules)
        try:
            streams = merge(_stdout(process, reader), _stderr(process, last_line))
            async with aclosing(streams):
                async for event in streams:
                    yield event
            code = await process.wait()
        finally:
            await process.kill()
        if isinstance(reader, JsonLines) and reader.unmatched:
            yield Output(f"[{reader.unmatched} JSON lines matched no rule of stream=]\n", "stderr")
        if code == 0 and process.killed_because is None:
            yield Ended("ok", content=getattr(reader, "result", None))
            return
        cause = process.killed_because
        words = f"killed for {cause}" if cause else describe_exit(code)
        yield Ended("crash", error=f"the command {words}{last_line.quoted()}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, version {self.version}>"


def _filled_in(part: str, view: TaskView) -> str:
    """Fill in one argument; what is filled in is not looked at again."""
    values = {
        "title": view.title,
        "description": view.description,
        "workspace": str(view.workspace),
        "attempt": str(view.attempt),
        "round": str(view.round),
        "model": view.model or "",
    }
    return _PLACEHOLDER.sub(lambda found: values[found[1]], part)


async def _stdout(
    process: SandboxedProcess, reader: StandardOutput | JsonLines
) -> AsyncGenerator[LineEvent, None]:
    while data := await process.stdout.read(_PIECE):
        for event in reader.feed(data):
            yield event
    for event in reader.feed(b"", final=True):
        yield event


async def _stderr(process: SandboxedProcess, last_line: _LastLine) -> AsyncGenerator[Output, None]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while data := await process.stderr.read(_PIECE):
        if text := decoder.decode(data):
            last_line.see(text)
            yield Output(text, "stderr")
    if text := decoder.decode(b"", final=True):
        yield Output(text, "stderr")


class _LastLine:
    """The end of what went to standard error, for the words about a crash."""

    def __init__(self) -> None:
        self._tail = ""

    def see(self, text: str) -> None:
        self._tail = (self._tail + text)[-4 * _LAST_LINE_CHARACTERS :]

    def quoted(self) -> str:
        lines = self._tail.strip().splitlines()
        return f": {lines[-1].strip()[-_LAST_LINE_CHARACTERS:]}" if lines else ""
