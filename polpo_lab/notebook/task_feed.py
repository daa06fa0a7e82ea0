"""Follows one task on the live loop: its recording, its output, its actions. No widget here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from polpo_lab.client import AsyncPolpo
from polpo_lab.client.async_stream import AsyncEventStream
from polpo_lab.errors import InvalidState, PolpoLabError
from polpo_lab.hostile_text import one_line
from polpo_lab.models import ErrorEvent, Event, OutputEvent, StatusEvent, Task, ToolUseEvent
from polpo_lab.notebook.card_summary import round_heading, summarise_tool
from polpo_lab.notebook.output_feed import OutputFeed
from polpo_lab.recording import Recording

ACTION_WORDS = {
    "run": "Run",
    "kill": "Kill",
    "retry": "Retry",
    "reassess": "Reassess",
    "approve": "Approve",
    "reject": "Reject",
}


class TaskFeed:
    """A task as it is told by its stream, and the calls that act on it.

    Everything but `changed` runs on the loop of the client.

    Parameters
    ----------
    client : AsyncPolpo
    task : Task
        What is known so far.
    changed : callable
        Called, without arguments, after every event.
    """

    def __init__(self, client: AsyncPolpo, task: Task, changed: Callable[[], None]) -> None:
        self.recording = Recording(task)
        self.output = OutputFeed()
        self.trouble: PolpoLabError | None = None
        self._client = client
        self._id = task.id
        self._changed = changed
        self._following = asyncio.Lock()
        self._stream: AsyncEventStream | None = None

    @property
    def task(self) -> Task:
        """The task as of the last event."""
        return self.recording.task

    @property
    def is_following(self) -> bool:
        """Whether a stream is open, or being opened."""
        return self._following.locked()

    async def execute(self) -> None:
        """Start the task and follow it until it is at rest."""
        await self._follow(lambda: self._client.tasks.execute(self._id))

    async def follow(self) -> None:
        """Follow the task from where it is known until it is at rest."""
        await self._follow(
            lambda: self._client.tasks.follow(self._id, last_event_id=self.recording.last_event_id)
        )

    async def _follow(
        self, opening: Callable[[], AbstractAsyncContextManager[AsyncEventStream]]
    ) -> None:
        async with self._following:
            self.trouble = None
            try:
                async with opening() as stream:
                    async for event in stream:
                        self._take(event)
            except PolpoLabError as error:
                self.trouble = error
        self._changed()

    def _take(self, event: Event) -> None:
        before = self.recording.last_event_id or 0
        if event.event_id is not None and event.event_id <= before:
            return
        self.recording.apply(event)
        match event:
            case OutputEvent():
                self.output.write(_known_stream(event.stream), event.text)
            case ToolUseEvent():
                self.output.use_tool(summarise_tool(event))
            case StatusEvent(status="in_progress"):
                self._divide()
            case ErrorEvent():
                self.output.write("error", one_line(event.message, 2_000) + "\n")
        self._changed()

    def _divide(self) -> None:
        rounds = self.task.attempts or []
        if rounds:
            now = rounds[-1]
            self.output.divide(
                round_heading(now.attempt, now.round, now.kind, now.agent, now.model)
            )

    async def act(self, action: str, feedback: str = "") -> str | None:
        """Do what a button asks for; return why it was refused, or None.

        A task that starts to run by it is followed again.
        """
        word = ACTION_WORDS[action]
        try:
            await self._call(action, feedback)
        except PolpoLabError as error:
            return f"{word} refused: {error}"
        return None

    async def _call(self, action: str, feedback: str) -> None:
        tasks, approvals = self._client.tasks, self._client.approvals
        match action:
            case "run":
                # A reader that leaves does not stop the task; the card's own stream goes on.
                async with tasks.execute(self._id):
                    pass
            case "kill":
                await tasks.kill(self._id)
            case "retry":
                await tasks.retry(self._id)
            case "reassess":
                await tasks.reassess(self._id)
            case "approve":
                await approvals.approve(await self._approval_id())
            case "reject":
                await approvals.reject(await self._approval_id(), feedback)

    async def _approval_id(self) -> str:
        if self.task.approval_id is None:
            self.task.approval_id = (await self._client.tasks.get(self._id)).approval_id
        if self.task.approval_id is None:
            raise InvalidState(409, "INVALID_STATE", "the task waits for no approval")
        return self.task.approval_id


def _known_stream(stream: str) -> str:
    """Name the stream for the page's style; a server may call it anything."""
    return stream if stream in ("stdout", "stderr", "message") else "message"
