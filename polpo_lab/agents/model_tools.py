"""The tools of model agents: what each does to the task's workspace, through the sandbox.

Every call is a process of its own behind the walls, ended with all it started before the
call returns; the loop that makes the calls is outside, and so is the model's key.
A Python function of yours as a tool runs in this process: it is trusted.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_ai import Tool, ToolFailed

from polpo_lab.agents.pickled import source_version
from polpo_lab.errors import InvalidArgument, PolpoLabError
from polpo_lab.hostile_text import bounded, valid_unicode
from polpo_lab.sandbox import CommandOutcome, Sandbox

TOOL_NAMES = ("read", "write", "edit", "list", "grep", "shell")
_CHANGING = ("write", "edit", "shell")  # a model may call several at once: these wait their turn
FILE_TOOL_SECONDS = 30.0
SHELL_SECONDS = 120
MOST_SHELL_SECONDS = 1800
SHELL_CHARACTERS = 30_000
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what every provider takes
_PROGRAM = Path(__file__).with_name("file_tools.py")
_ANSWER_BYTES = 2**20

ToolGiven = str | Callable[..., Any]


@dataclass(frozen=True)
class ToolBox:
    """What a model agent may do: tools of ours by name, functions of yours.

    Parameters
    ----------
    given : sequence of str or callable
        Names among `TOOL_NAMES`; a function's name, docstring and annotations are what the
        model is told of it.
    network : bool
        Whether the shell may use the network.
    read_only : sequence of pathlib.Path
        Folders that the tools may read.

    Raises
    ------
    InvalidArgument
        For a tool that is none, or two of one name.
    """

    given: Sequence[ToolGiven]
    network: bool = False
    read_only: Sequence[Path] = ()

    def __post_init__(self) -> None:
        """Refuse what no model can be offered."""
        if isinstance(self.given, str):
            raise InvalidArgument(f"tools={self.given!r} must be a list, such as [{self.given!r}]")
        for tool in self.given:
            if callable(tool) or tool in TOOL_NAMES:
                continue
            near = difflib.get_close_matches(str(tool), TOOL_NAMES, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else "."
            raise InvalidArgument(
                f"tool {tool!r:.80} is unknown{guess} Use {', '.join(TOOL_NAMES)}, or a Python "
                "function"
            )
        names = self.names()
        odd = next((name for name in names if not _TOOL_NAME.fullmatch(name)), None)
        if odd is not None:
            raise InvalidArgument(
                f"a tool cannot be called {odd!r}: models know tools by names of at most 64 "
                "letters, digits and underscores, so define the function with def"
            )
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidArgument(f"two tools are called {twice!r}: each needs its own name")
        for tool in self.given:
            if callable(tool):
                _as_tool(tool)

    def names(self) -> list[str]:
        """Return the tools' names."""
        return [
            t if isinstance(t, str) else getattr(t, "__name__", type(t).__name__)
            for t in self.given
        ]

    def declared(self) -> list[str]:
        """Return what a version is made of: names, and the hashes of functions' sources."""
        hashes = [None if isinstance(t, str) else source_version(t) for t in self.given]
        return [f"{n}:{h}" if h else n for n, h in zip(self.names(), hashes, strict=True)]

    def at(self, workspace: Path, sandbox: Sandbox, env: Mapping[str, str]) -> list[Tool[None]]:
        """Return the tools for a run in a workspace."""
        work = _Work(workspace, sandbox, env, self.network, tuple(self.read_only))
        ours: dict[str, Callable[..., Awaitable[str]]] = {
            "read": work.read,
            "write": work.write,
            "edit": work.edit,
            "list": work.list_files,
            "grep": work.grep,
            "shell": work.shell,
        }
        return [
            Tool(ours[t], name=t, sequential=t in _CHANGING) if isinstance(t, str) else _as_tool(t)
            for t in self.given
        ]


@dataclass(frozen=True)
class _Work:
    """The tools at one workspace. Their docstrings are what the model reads."""

    workspace: Path
    sandbox: Sandbox
    env: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    read_only: tuple[Path, ...] = ()

    async def read(self, path: str, first_line: int = 1, lines: int = 2000) -> str:
        """Read a text file of the workspace.

        Args:
            path: Relative to the workspace.
            first_line: Where to begin, counted from 1.
            lines: How many lines at most.
        """
        return await self._file_tool("read", path=path, first_line=first_line, lines=lines)

    async def write(self, path: str, text: str) -> str:
        """Write a text file of the workspace, over the one that may stand there.

        Args:
            path: Relative to the workspace; missing folders are made.
            text: The whole content.
        """
        return await self._file_tool("write", path=path, text=text)

    async def edit(self, path: str, old: str, new: str) -> str:
        """Replace a piece of a text file.

        Args:
            path: Relative to the workspace.
            old: The text to replace, exactly as in the file; it must occur once.
            new: What stands there afterwards.
        """
        return await self._file_tool("edit", path=path, old=old, new=new)

    async def list_files(self, path: str = ".") -> str:
        """List all files below a folder of the workspace.

        Args:
            path: Relative to the workspace.
        """
        return await self._file_tool("list", path=path)

    async def grep(self, pattern: str, path: str = ".", glob: str = "*") -> str:
        """Find lines in files of the workspace.

        Args:
            pattern: A regular expression of Python.
            path: File or folder, relative to the workspace.
            glob: Which file names to look into, such as `*.py`.
        """
        return await self._file_tool("grep", pattern=pattern, path=path, glob=glob)

    async def shell(self, command: str, timeout_seconds: int = SHELL_SECONDS) -> str:
        """Run a command with /bin/sh in the workspace; what it starts ends with it.

        Args:
            command: The command line.
            timeout_seconds: After so long it is ended.
        """
        seconds = min(max(timeout_seconds, 1), MOST_SHELL_SECONDS)
        outcome = await self._run(["/bin/sh", "-c", command], seconds, SHELL_CHARACTERS)
        if outcome.timed_out:
            raise ToolFailed(f"not finished within {seconds} s\n{_streams(outcome)}")
        return f"exit code {outcome.exit_code}\n{_streams(outcome)}"

    async def _file_tool(self, tool: str, **arguments: Any) -> str:
        request = json.dumps({"tool": tool, "arguments": arguments}).encode()
        command = [sys.executable, "-I", "-S", str(_PROGRAM)]
        outcome = await self._run(command, FILE_TOOL_SECONDS, _ANSWER_BYTES, request)
        try:
            answer = json.loads(outcome.stdout)
        except ValueError:
            why = f"not finished within {FILE_TOOL_SECONDS:g} s" if outcome.timed_out else ""
            raise ToolFailed(f"{tool} failed: {why or outcome.stderr[-500:]}") from None
        if "error" in answer:
            raise ToolFailed(valid_unicode(answer["error"]))
        return valid_unicode(answer["output"])

    async def _run(
        self, command: Sequence[str], seconds: float, keep: int, stdin: bytes | None = None
    ) -> CommandOutcome:
        try:
            return await self.sandbox.run(
                command,
                workspace=self.workspace,
                timeout=seconds,
                env=self.env,
                keep_bytes=keep,
                stdin=stdin,
                network=self.network,
                read_only=self.read_only,
            )
        except (OSError, ValueError, PolpoLabError) as error:  # such as a command with a NUL
            raise ToolFailed(f"it could not be started: {error}") from None


def _as_tool(function: Callable[..., Any]) -> Tool[None]:
    try:
        return Tool(function)
    except Exception as error:  # a signature that no schema can be made of
        name = getattr(function, "__name__", repr(function))
        raise InvalidArgument(f"the function {name:.80} cannot be a tool: {error}") from error


def _streams(outcome: CommandOutcome) -> str:
    parts = [("stdout", outcome.stdout), ("stderr", outcome.stderr)]
    shown = [f"[{name}]\n{bounded(text, SHELL_CHARACTERS)}" for name, text in parts if text]
    return valid_unicode("\n".join(shown))
