"""One run of an agent: its output gathered into chunks, its end, its time limit.

The agent is an async generator; cancelling the task that iterates it ends the agent
with every process it started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from polpo_lab.agents.agent import Agent
from polpo_lab.agents.view import AgentEvent, Ended, Output, Spent, TaskView, ToolUse
from polpo_lab.bounded_text import BoundedText
from polpo_lab.models import Event, OutputEvent, ToolUseEvent, Usage
from polpo_lab.sandbox import Sandbox
from polpo_lab.server.moves import now

CHUNK_SECONDS = 0.02
CHUNK_CHARACTERS = 32 * 1024
TOOL_PAYLOAD_CHARACTERS = 64 * 1024


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
    """

    agent: Agent
    view: TaskView
    tell: Callable[[Event], None]
    usage: Usage | None = None
    _texts: dict[str, BoundedText] = field(default_factory=dict)
    _chunk: list[str] = field(default_factory=list)
    _chunk_stream: str = "message"
    _chunk_length: int = 0
    _timer: asyncio.TimerHandle | None = None
    _tool_calls: int = 0

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
        return self._finished(end, end.reason)

    def _events(self, sandbox: Sandbox) -> AsyncGenerator[AgentEvent, None]:
        # The protocol promises an async generator: closing it is what ends the agent.
        return cast("AsyncGenerator[AgentEvent, None]", self.agent.run(self.view, sandbox))

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
        for start in range(0, len(text), CHUNK_CHARACTERS):
            self.tell(
                OutputEvent(
                    text=text[start : start + CHUNK_CHARACTERS],
                    stream=self._chunk_stream,
                    **self._where(),
                )
            )

    def _finished(self, end: Ended, exit_reason: str) -> RoundEnd:
        self.flush()
        if end.content is not None:
            text = BoundedText()
            text.add(_valid_unicode(end.content))
        else:
            text = self.streamed()
        content = str(text) if end.content is not None or text else None
        return RoundEnd(exit_reason, content, text.truncated, end.error)

    def _take(self, event: Output | ToolUse | Spent) -> None:
        if isinstance(event, Output):
            self._take_output(event)
        elif isinstance(event, ToolUse):
            self.flush()
            self._tool_calls += 1
            self.tell(
                ToolUseEvent(
                    id=event.id or f"call_{self._tool_calls}",
                    tool=_valid_unicode(event.tool),
                    input=_bounded_json(event.input),
                    output=_bounded_json(event.output),
                    error=None if event.error is None else _valid_unicode(event.error),
                    duration_ms=event.duration_ms,
                    **self._where(),
                )
            )
        else:
            self.usage = Usage(**{k: v for k, v in vars(event).items() if v is not None})

    def _take_output(self, output: Output) -> None:
        text = _valid_unicode(output.text)
        if not text:
            return
        self._texts.setdefault(output.stream, BoundedText()).add(text)
        if self._chunk and output.stream != self._chunk_stream:
            self.flush()
        self._chunk_stream = output.stream
        self._chunk.append(text)
        self._chunk_length += len(text)
        if self._chunk_length >= CHUNK_CHARACTERS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHUNK_SECONDS, self.flush)

    def _where(self) -> dict[str, Any]:
        return {"attempt": self.view.attempt, "round": self.view.round, "at": now()}


def _valid_unicode(text: str) -> str:
    """Replace lone surrogates, which no encoding can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _bounded_json(value: Any) -> Any:
    """Return a value that JSON can carry, cut when it is very long."""
    try:
        text = json.dumps(value, default=str, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(str(value), ensure_ascii=False)
    if len(text) > TOOL_PAYLOAD_CHARACTERS:
        return _valid_unicode(text[:TOOL_PAYLOAD_CHARACTERS]) + " … (cut)"
    return json.loads(_valid_unicode(text))
