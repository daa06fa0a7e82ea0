"""Calling pickled Python functions in worker processes; shared by function agents and judges.

One worker makes the calls one after the other. When a call takes it down, or takes too
long, the calls after it go to a new one: no call loses what another did.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from polpo_lab.agents.exits import describe_exit
from polpo_lab.agents.frames import LENGTH, MAX_FRAME_BYTES, encode_frame
from polpo_lab.agents.merging import merge
from polpo_lab.agents.view import Output, Spent, ToolUse
from polpo_lab.hostile_text import valid_unicode
from polpo_lab.sandbox import Sandbox, SandboxedProcess

_PIECE = 32 * 1024


@dataclass(frozen=True)
class Call:
    """One call of one of the functions that were sent along.

    Parameters
    ----------
    function : int
        Which one, by its place in ``Workload.functions``.
    kind : {"agent", "judge"}
        An agent is called with ``arguments["task"]``, the JSON of a `TaskView`; a judge
        with ``arguments["criterion"]``, that task, and a `JudgedResult` made of
        ``arguments["content"]`` and the workspace.
    arguments : dict
        Plain JSON values.
    timeout : float or None
        Seconds for this call alone.
    """

    function: int
    kind: Literal["agent", "judge"]
    arguments: dict[str, Any]
    timeout: float | None = None


@dataclass(frozen=True)
class Workload:
    """What a worker is sent.

    Parameters
    ----------
    functions : sequence of bytes
        Each from `polpo_lab.agents.pickled.pickle_callable`.
    calls : sequence of Call
        Made in this order.
    path : sequence of pathlib.Path
        Folders to import from; they must be readable, so name them in ``read_only`` too.
    sources : mapping of str to list of str
        Lines of cells by their file name, for tracebacks.
    """

    functions: Sequence[bytes]
    calls: Sequence[Call]
    path: Sequence[Path] = ()
    sources: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Returned:
    """A call ended well. A judge's ``value`` is what `judging.plain_answer` makes of its answer.

    ``spent`` is what a model judge took; nothing is known of others.
    """

    call: int
    value: Any
    seconds: float
    spent: Spent | None = None


@dataclass(frozen=True)
class Raised:
    """A call failed: raised, died, or was too late. ``error`` says it in words."""

    call: int
    error: str
    seconds: float | None = None
    spent: Spent | None = None


WorkerEvent = Output | ToolUse | Spent | Returned | Raised


async def call_worker(
    sandbox: Sandbox,
    workload: Workload,
    *,
    workspace: Path,
    workspace_writable: bool = True,
    network: bool = False,
    read_only: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
) -> AsyncGenerator[WorkerEvent, None]:
    """Make calls in a worker process, and say what comes of them.

    Yields
    ------
    Output, ToolUse, Spent
        From the call that runs.
    Returned or Raised
        Exactly one for each call, in their order.

    Notes
    -----
    Closing the generator, or cancelling the task that iterates it, ends the worker with
    all its processes before it returns.
    """
    done = 0
    while done < len(workload.calls):
        process, frames = await _start(
            sandbox,
            workload,
            done,
            workspace=workspace,
            workspace_writable=workspace_writable,
            network=network,
            read_only=read_only,
            env=env,
        )
        try:
            events = _follow(process, frames, workload.calls, done)
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, (Returned, Raised)):
                        done = event.call + 1
                    yield event
        finally:
            frames.transport.close()
            await process.kill()


@dataclass(frozen=True)
class _FrameStream:
    reader: asyncio.StreamReader
    transport: asyncio.ReadTransport


@dataclass(frozen=True)
class _Frame:
    values: dict[str, Any]


async def _start(
    sandbox: Sandbox, workload: Workload, done: int, **options: Any
) -> tuple[SandboxedProcess, _FrameStream]:
    """Start a worker for the calls from ``done`` on."""
    header = {
        "sizes": [len(function) for function in workload.functions],
        "calls": [asdict(call) for call in workload.calls[done:]],
        "path": [str(path) for path in workload.path],
        "sources": dict(workload.sources),
    }
    ours, theirs = os.pipe()
    try:
        process = await sandbox.spawn(
            [sys.executable, "-P", "-m", "polpo_lab.agents.worker", str(theirs)],
            stdin=b"".join((encode_frame(header), *workload.functions)),
            pass_fds=(theirs,),
            **options,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", buffering=0)
    )
    return process, _FrameStream(reader, transport)


async def _follow(
    process: SandboxedProcess, frames: _FrameStream, calls: Sequence[Call], done: int
) -> AsyncGenerator[WorkerEvent, None]:
    """Yield what one worker tells; the call that it dies in, or is late in, is raised."""
    loop = asyncio.get_running_loop()
    first = done
    started = loop.time()
    sources = merge(
        _frames(frames.reader), _text(process.stdout, "stdout"), _text(process.stderr, "stderr")
    )
    async with aclosing(sources):
        while True:
            timeout = calls[done].timeout if done < len(calls) else None
            try:
                async with asyncio.timeout_at(None if timeout is None else started + timeout):
                    item = await anext(sources)
            except TimeoutError:
                yield Raised(done, f"took longer than its {timeout:g} s", timeout)
                return
            except StopAsyncIteration:
                break
            if isinstance(item, Output):
                yield item
            elif item.values["type"] == "started":
                started = loop.time()
            elif (event := _event(item.values, first)) is not None:
                if isinstance(event, (Returned, Raised)):
                    if event.call != done:  # not from our worker: the function writes frames
                        break
                    done += 1
                yield event
    if done < len(calls):
        code = await process.wait()
        await process.kill()
        why = f"was killed for {process.killed_because}" if process.killed_because else None
        yield Raised(done, f"the worker process {why or describe_exit(code)}")


async def _frames(reader: asyncio.StreamReader) -> AsyncGenerator[_Frame | Output, None]:
    while True:
        try:
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            if length > MAX_FRAME_BYTES:
                return
            values = json.loads(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ValueError):
            return
        if not isinstance(values, dict) or "type" not in values:
            return
        yield _Frame(values)


async def _text(
    stream: asyncio.StreamReader, name: Literal["stdout", "stderr"]
) -> AsyncGenerator[_Frame | Output, None]:
    """Read what programs and C code write around Python's ``print``."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while data := await stream.read(_PIECE):
        if text := decoder.decode(data):
            yield Output(text, name)
    if text := decoder.decode(b"", final=True):
        yield Output(text, name)


def _event(frame: dict[str, Any], first: int) -> WorkerEvent | None:
    """Read a frame; None for one that is no event."""
    try:
        match frame["type"]:
            case "output" if frame["stream"] in ("stdout", "stderr", "message"):
                return Output(valid_unicode(str(frame["text"])), frame["stream"])
            case "tool_use":
                return ToolUse(**frame["fields"])
            case "spent":
                return Spent(**frame["fields"])
            case "returned":
                return Returned(first + frame["call"], frame["value"], frame["seconds"])
            case "raised":
                error = valid_unicode(str(frame["error"]))
                return Raised(first + frame["call"], error, frame["seconds"])
    except (KeyError, TypeError):
        pass
    return None
