"""Follows one task on the live loop: its recording, its output, its actions. No widget here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from polpo_lab.client import AsyncPolpo
from polpo_lab.client.async_stream import AsyncEventStream
from polpo_lab.errors import InvalidState, PolpoLabError
from polpo_lab.models import Task
from polpo_lab.notebook.output_feed import OutputFeed
from polpo_lab.notebook.transcript import Transcript

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
        self._transcript = Transcript(task)
        self.trouble: PolpoLabError | None = None
        self._client = client
        self._id = task.id
        self._changed = changed
        self._following = asyncio.Lock()
        self._stream: AsyncEventStream | None = None

    @property
    def task(self) -> Task:
        """The task as of the last event."""
        return self._transcript.task

    @property
    def output(self) -> OutputFeed:
        """What the task wrote."""
        return self._transcript.output

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
            lambda: self._client.tasks.follow(
                self._id, last_event_id=self._transcript.recording.last_event_id
            )
        )

    async def _follow(
        self, opening: Callable[[], AbstractAsyncContextManager[AsyncEventStream]]
    ) -> None:
        async with self._following:
            self.trouble = None
            try:
                async with opening() as stream:
                    async for event in stream:
                        if self._transcript.take(event):
                            self._changed()
            except PolpoLabError as error:
                self.trouble = error
        self._changed()

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
