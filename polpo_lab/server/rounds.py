"""One run of an agent: its output gathered into chunks, its end, its time limit.

The agent is an async generator; cancelling the task that iterates it ends the agent
with every process it started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from polpo_lab.agents.agent import Agent
from polpo_lab.agents.bill import usage_of
from polpo_lab.agents.view import AgentEvent, Ended, Output, Spent, TaskView, ToolUse
from polpo_lab.bounded_text import BoundedText
from polpo_lab.hostile_text import bounded, valid_unicode
from polpo_lab.models import Event, OutputEvent, ToolUseEvent, Usage
from polpo_lab.sandbox import Sandbox
from polpo_lab.server.loop_watch import LoopWatch
from polpo_lab.server.moves import now

CHUNK_SECONDS = 0.02
CHUNK_BYTES = 32 * 1024
TOOL_PAYLOAD_CHARACTERS = 64 * 1024
ERROR_CHARACTERS = 16 * 1024
_INSIDE_CHARACTER = range(0x80, 0xC0)  # bytes of UTF-8 that begin nothing


@dataclass
class RoundEnd:
    """How an agent's run ended: ``ok``, ``crash`` or ``timeout``, and what it handed in."""

    exit_reason: str
    content: str | None
    truncated: bool
    error: str | None


@dataclass
class AgentRun:
    """One run of an agent, as far as it has come; readable at any moment, as when it is killed.

    Parameters
    ----------
    agent : Agent
    view : TaskView
        What the agent is shown.
    tell : callable
        Takes each event that becomes due.
    loop_watch : LoopWatch
        Measures agents that run in the server's own loop.
    """

    agent: Agent
    view: TaskView
    tell: Callable[[Event], None]
    loop_watch: LoopWatch
    usage: Usage | None = None
    _texts: dict[str, BoundedText] = field(default_factory=dict)
    _chunk: list[str] = field(default_factory=list)
    _chunk_stream: str = "message"
    _chunk_length: int = 0
    _timer: asyncio.TimerHandle | None = None
    _tool_calls: int = 0
    _refused: set[str] = field(default_factory=set)
    _closed: bool = False

    async def to_its_end(self, sandbox: Sandbox, seconds: float) -> RoundEnd:
        """Run the agent until it ends or its time is over."""
        end = Ended("crash", error="the agent ended without saying how")
        try:
            async with (
                asyncio.timeout(seconds),
                aclosing(self._events(sandbox)) as events,
            ):
                async for event in events:
                    if isinstance(event, Ended):
                        end = event
                    else:
                        self._take(event)
        except TimeoutError:
            return self._finished(Ended("crash", error=f"over its {seconds:g} s"), "timeout")
        finally:
            self.flush()
        return self._finished(end, end.reason)

    def _events(self, sandbox: Sandbox) -> AsyncGenerator[AgentEvent, None]:
        # The protocol promises an async generator: closing it is what ends the agent.
        events = cast("AsyncGenerator[AgentEvent, None]", self.agent.run(self.view, sandbox))
        return self.loop_watch.watched(self.agent.name, events) if self.agent.inline else events

    def close(self) -> None:
        """Tell what waits, and nothing that the agent says from now on."""
        self.flush()
        self._closed = True

    def streamed(self) -> BoundedText:
        """Return the text that stands for the result when the agent returned none."""
        streams = ("stdout",) if self.agent.kind == "command" else ("message", "stdout")
        return next((self._texts[s] for s in streams if self._texts.get(s)), BoundedText())

    def flush(self) -> None:
        """Tell the output that waits for its chunk to fill."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._chunk:
            return
        text = "".join(self._chunk)
        self._chunk.clear()
        self._chunk_length = 0
        for piece in _pieces(text):
            self.tell(OutputEvent(text=piece, stream=self._chunk_stream, **self._where()))

    def _finished(self, end: Ended, exit_reason: str) -> RoundEnd:
        self.flush()
        if end.content is not None:
            text = BoundedText()
            text.add(valid_unicode(end.content))
        else:
            text = self.streamed()
        content = str(text) if end.content is not None or text else None
        error = None if end.error is None else bounded(valid_unicode(end.error), ERROR_CHARACTERS)
        return RoundEnd(exit_reason, content, text.truncated, error)

    def _take(self, event: Output | ToolUse | Spent) -> None:
        if self._closed:  # killed, though it will not hear of it
            return
        if isinstance(event, Output):
            self._take_output(event)
        elif isinstance(event, ToolUse):
            self.flush()
            self._tool_calls += 1
            self.tell(
                ToolUseEvent(
                    id=event.id or f"call_{self._tool_calls}",
                    tool=valid_unicode(event.tool),
                    input=_bounded_json(event.input),
                    output=_bounded_json(event.output),
                    error=None if event.error is None else valid_unicode(event.error),
                    duration_ms=event.duration_ms,
                    **self._where(),
                )
            )
        else:
            self._take_bill(event)

    def _take_bill(self, spent: Spent) -> None:
        self.usage, refused = usage_of(spent)
        for why in refused:
            if why not in self._refused:
                self._refused.add(why)
                self._take_output(Output(f"[of the agent's bill {why}: it is unknown]\n", "stderr"))

    def _take_output(self, output: Output) -> None:
        text = valid_unicode(output.text)
        if not text:
            return
        self._texts.setdefault(output.stream, BoundedText()).add(text)
        if self._chunk and output.stream != self._chunk_stream:
            self.flush()
        self._chunk_stream = output.stream
        self._chunk.append(text)
        self._chunk_length += len(text) if text.isascii() else len(text.encode())
        if self._chunk_length >= CHUNK_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHUNK_SECONDS, self.flush)

    def _where(self) -> dict[str, Any]:
        return {"attempt": self.view.attempt, "round": self.view.round, "at": now()}


def _pieces(text: str) -> Iterator[str]:
    """Cut a text into pieces that are at most a chunk long on the wire."""
    data = text.encode()
    start = 0
    while start < len(data):
        end = start + CHUNK_BYTES
        while end < len(data) and data[end] in _INSIDE_CHARACTER:
            end -= 1
        yield data[start:end].decode()
        start = end


def _bounded_json(value: Any) -> Any:
    """Return a value that JSON can carry, cut when it is very long."""
    try:
        text = json.dumps(value, default=str, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(str(value), ensure_ascii=False)
    if len(text) > TOOL_PAYLOAD_CHARACTERS:
        return valid_unicode(text[:TOOL_PAYLOAD_CHARACTERS]) + " … (cut)"
    return json.loads(valid_unicode(text))
