"""The life of one trial on a server: created or found again, executed or followed, kept.

Told as messages, so that whoever asked for it, here or in another process, can write down
each before the next. Every step can be taken up again: nothing is created or executed
twice, whatever was interrupted in between.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

from polpo_lab.client import AsyncPolpo
from polpo_lab.errors import (
    Conflict,
    ConnectionFailed,
    InvalidState,
    NotFound,
    PolpoLabError,
    RateLimited,
    ServerFault,
    UnsupportedByServer,
)
from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import Event, StatusEvent, Task, TaskCreate

# Trouble on the way, which says nothing about the trial.
PASSING = (RateLimited, ServerFault, ConnectionFailed, InvalidState)
FIRST_POLL_SECONDS, SLOWEST_POLL_SECONDS = 0.25, 5.0


class TaskLost(PolpoLabError):
    """The server no longer has the task of a trial, or will never run it: the try is void."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: one try of a trial.

    Attributes
    ----------
    request : TaskCreate
        With a group of this try's own.
    task_id : str, optional
        Of the task that was created for it before.
    in_doubt : bool
        Whether a task may have been created of which nothing is known.
    """

    request: TaskCreate
    task_id: str | None = None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Created:
    """The server has the task."""

    task: Task


@dataclass(frozen=True, slots=True)
class Told:
    """The stream said something; a stream that is read again says the same once more."""

    event: Event


@dataclass(frozen=True, slots=True)
class FileKept:
    """A file that a round left behind, by content."""

    sha256: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CameToRest:
    """The task is done, failed, or waits for a person; with all its rounds."""

    task: Task


Message = Created | Told | FileKept | CameToRest


async def live(
    client: AsyncPolpo, order: Order, has_file: Callable[[str], bool]
) -> AsyncGenerator[Message, None]:
    """Live through one try of a trial, from where it was left.

    Parameters
    ----------
    client : AsyncPolpo
    order : Order
    has_file : callable
        Takes a SHA-256; whether that content is kept already.

    Yields
    ------
    Created, Told, FileKept, CameToRest
        In this order; the last one once.

    Raises
    ------
    TaskLost
        This try cannot go on; another one can be made.
    PolpoLabError
        What the server said; `PASSING` errors pass, and the order can be taken up again.
    """
    task = await _task_of(client, order)
    yield Created(task)
    async for event in _events(client, task):
        yield Told(event)
        if isinstance(event, StatusEvent) and event.status == "awaiting_approval":
            break
    # As the server has it: rounds that it hides are missing then, and not guessed from a stream.
    final = await client.tasks.get(task.id)
    async for kept in _files(client, final, has_file):
        yield kept
    yield CameToRest(final)


async def _task_of(client: AsyncPolpo, order: Order) -> Task:
    if order.task_id is not None:
        try:
            return await client.tasks.get(order.task_id)
        except NotFound:
            raise TaskLost(f"the server no longer has task {order.task_id!r}") from None
    if order.in_doubt:
        known = await client.tasks.list(group=order.request.group)
        if known:
            return known[0]
    try:
        return await client.tasks.create(order.request)
    except Conflict:  # the answer to an earlier create was lost
        known = await client.tasks.list(group=order.request.group)
        if not known:
            raise
        return known[0]


async def _events(client: AsyncPolpo, task: Task) -> AsyncIterator[Event]:
    """Yield the task's events: of its execution, or from the beginning if it began before."""
    is_unqueued = task.status == "pending" and not task.queued  # its server was restarted
    is_to_begin = task.status == "draft" or is_unqueued
    opening = client.tasks.execute if is_to_begin else client.tasks.follow
    try:
        async with opening(task) as stream:
            async for event in stream:
                yield event
    except UnsupportedByServer:
        await _until_at_rest(client, task.id)


async def _until_at_rest(client: AsyncPolpo, task_id: str) -> None:
    """Wait for a task whose stream cannot be joined again."""
    pause = FIRST_POLL_SECONDS
    while True:
        status = (await client.tasks.get(task_id)).status
        if status in AT_REST or status == "awaiting_approval":
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)


async def _files(
    client: AsyncPolpo, task: Task, has_file: Callable[[str], bool]
) -> AsyncIterator[FileKept]:
    fetched: set[str] = set()
    for told in task.attempts or ():
        for entry in told.files.entries:
            if entry.sha256 in fetched or has_file(entry.sha256):
                continue
            try:
                content = await client.tasks.read_file(
                    task.id, entry.path, attempt=told.attempt, round=told.round
                )
            except (NotFound, UnsupportedByServer):
                continue  # gone by now: the task is at rest all the same, and its result is kept
            fetched.add(entry.sha256)
            yield FileKept(hashlib.sha256(content).hexdigest(), content)
