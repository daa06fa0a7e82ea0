"""The live card of one task: a widget that follows it, shows it, and acts on it.

State goes to the page as small traits, output as batches of at most 20 a second. What a task
is shown as is decided in `card_summary`, how much output passes in `output_feed`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from polpo_lab.errors import ConnectionFailed, PolpoLabError, WaitTimeout
from polpo_lab.lifecycle import AT_REST
from polpo_lab.live import live_loop
from polpo_lab.models import Task
from polpo_lab.notebook import snapshot
from polpo_lab.notebook.card_summary import (
    code_for,
    summarise,
    summarise_attempts,
    summarise_checks,
)
from polpo_lab.notebook.lab_connection import shared_client
from polpo_lab.notebook.saved_state import SavedState
from polpo_lab.notebook.static_source import static_source
from polpo_lab.notebook.subshell_comm import answer_where_asked
from polpo_lab.notebook.task_feed import ACTION_WORDS, TaskFeed

if TYPE_CHECKING:
    from polpo_lab.lab import Lab

UPDATE_SECONDS = 0.05
SNAPSHOT_SECONDS = 2.0
KEPT_NOTICES = 4
_LOOK_SECONDS = 0.2


class Card(anywidget.AnyWidget):
    """A task, live, in the cell: status, output, checks, and the buttons that act on it.

    Parameters
    ----------
    lab : Lab
    task : Task or str
        The task, or its id.
    execute : bool
        Whether the card also starts the task.

    Raises
    ------
    NotFound
        When there is no such task.
    """

    _esm = static_source("page.js", "terminal_log.js", "card.js")
    _css = static_source("card.css")

    summary = traitlets.Dict().tag(sync=True)
    checks: traitlets.List[Any] = traitlets.List().tag(sync=True)
    attempts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    notices: traitlets.List[Any] = traitlets.List().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    saved_key = traitlets.Unicode().tag(sync=True)
    sandbox = traitlets.Unicode().tag(sync=True)

    def __init__(self, lab: Lab, task: Task | str, *, execute: bool = False) -> None:
        known = lab.tasks.get(task) if isinstance(task, str) else task
        self._saved = SavedState()
        super().__init__(summary=summarise(known), saved_key=self._saved.key)
        answer_where_asked(self.comm)
        self.on_msg(self._on_message)
        self._lab = lab
        self._saved_at = 0.0
        self._savers: list[Callable[[], None]] = []
        self._settled_status: str | None = None
        self._settled = threading.Event()
        self._ready = live_loop().submit(self._begin(known, execute))

    async def _begin(self, known: Task, execute: bool) -> None:
        """Make what belongs to the loop, and follow the task for as long as it lives."""
        client = await shared_client(self._lab)
        self._dirty = asyncio.Event()
        self._feed = TaskFeed(client, known, self._dirty.set)
        self._publishing = asyncio.create_task(self._publish_for_ever())
        self._work = {asyncio.create_task(self._feed.execute() if execute else self._feed.follow())}
        self._spawn(self._tell_health())

    def _spawn(self, work: Any) -> None:
        """Run something beside; held until it is done, or it may be collected."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    # ------------------------------------------------------------------ what a user calls

    @property
    def task(self) -> Task:
        """The task as the card knows it now."""
        self._ready.result()
        return self._feed.task

    def wait(self, timeout: float | None = None, *, for_approval: bool = False) -> Task:
        """Block until the task is at rest, or waits for a person.

        The kernel's loop is not touched, and interrupting ends the waiting only.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        for_approval : bool
            Whether to go on waiting while the task awaits approval.

        Returns
        -------
        Task

        Raises
        ------
        WaitTimeout
            When the time ran out; the task goes on.
        ConnectionFailed
            When the task can no longer be followed.
        """
        self._ready.result()
        ends = AT_REST if for_approval else AT_REST | {"awaiting_approval"}
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._settled_status not in ends:
            if self._settled_status == "lost":
                raise self._feed.trouble or ConnectionFailed("the task's stream ended early")
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeout(f"{self._feed.task.id} is not at rest after {timeout:g} s")
            self._settled.wait(_LOOK_SECONDS)
            self._settled.clear()
        return self._feed.task

    def close(self) -> None:
        """Stop following the task and remove the card; the task goes on."""
        if self.comm is not None and hasattr(self, "_ready"):
            live_loop().submit(self._end())
        super().close()

    async def _end(self) -> None:
        for task in (self._publishing, *self._work):
            task.cancel()

    def _ipython_display_(self) -> None:
        self._saved.show(self, *self.page())

    def __repr__(self) -> str:
        return f"<Card of {snapshot.card_text(self.summary)}>"

    # ------------------------------------------------------------------ to the page

    async def _publish_for_ever(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            self._publish()
            if self._feed.output.is_waiting:
                self._dirty.set()
            await asyncio.sleep(UPDATE_SECONDS)

    def _publish(self) -> None:
        task = self._feed.task
        batch = self._feed.output.batch(time.monotonic())
        if batch is not None:
            self.send({"kind": "output", **batch})
        before = self.summary.get("status")
        self._tell_state(task)
        status = self._status_when_told(task)
        if status is not None or task.status != before or self._is_stale():
            self._save()
        if status != self._settled_status:
            if status in AT_REST:
                self._spawn(self._tell_health())
            self._settled_status = status
            self._settled.set()

    def _tell_state(self, task: Task) -> None:
        # Traits compare, so that only what changed is sent.
        self.summary = summarise(task)
        self.attempts = summarise_attempts(task)
        self.checks = summarise_checks(task.assessment)
        self.code = code_for(task.id, self.summary["actions"], task.approval_id)
        if self._feed.trouble is not None:
            self._notify(f"The card cannot follow the task: {self._feed.trouble}")

    def _status_when_told(self, task: Task) -> str | None:
        """Return the state in which nothing more comes by itself, once all of it was sent."""
        if self._feed.output.is_waiting:
            return None
        if not self._feed.is_following:
            return task.status if task.status in AT_REST else "lost"
        return "awaiting_approval" if task.status == "awaiting_approval" else None

    def _is_stale(self) -> bool:
        return time.monotonic() - self._saved_at > SNAPSHOT_SECONDS

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        self._saved.update(*self.page())
        for tell in self._savers:
            tell()

    def when_saved(self, tell: Callable[[], None]) -> None:
        """Have something called whenever the static page changes: for what contains the card."""
        self._savers.append(tell)

    def page(self) -> tuple[str, str]:
        """Return the static page as safe HTML, and the same in a line for a terminal."""
        output, lines = "", 0
        if self._ready.done():
            output, lines = self._feed.output.text(), self._feed.output.lines
        page = snapshot.card_page(
            self.summary, self.attempts, self.checks, output, lines, self.code
        )
        return page, snapshot.card_text(self.summary)

    def _notify(self, text: str) -> None:
        if not self.notices or self.notices[-1] != text:
            self.notices = [*self.notices, text][-KEPT_NOTICES:]

    async def _tell_health(self) -> None:
        """Say what sandbox is in force, and whether the task's agent held the server up."""
        try:
            health = await (await shared_client(self._lab)).health()
        except PolpoLabError:
            return  # the task's own stream says that the server cannot be reached
        self.sandbox = health.sandbox or ""
        for warning in health.warnings:
            if repr(self._feed.task.assign_to) in warning:
                self._notify(warning)

    # ------------------------------------------------------------------ from the page

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message; on a subshell's thread while a cell runs, so it only posts."""
        match content:
            case {"kind": "hello", "id": request}:
                live_loop().submit(self._answer_hello(request))
            case {"kind": "action", "id": request, "action": str(action)} if action in ACTION_WORDS:
                self.send({"kind": "heard", "id": request})
                feedback = content.get("feedback")
                live_loop().submit(self._act(request, action, str(feedback or "")))

    async def _answer_hello(self, request: Any) -> None:
        """Give a page that opens all that is kept, and look whether the task has moved since."""
        rest = self._feed.output.rest(time.monotonic())
        if rest is not None:
            self.send({"kind": "output", **rest})
        now = round(time.time() * 1000)
        self.send({"kind": "tail", "id": request, "now": now, **self._feed.output.tail()})
        self._follow_again()

    async def _act(self, request: Any, action: str, feedback: str) -> None:
        refusal = await self._feed.act(action, feedback)
        if refusal is not None:
            self._notify(refusal)
        self.send({"kind": "result", "id": request, "action": action, "refusal": refusal})
        self._follow_again()

    def _follow_again(self) -> None:
        if not self._feed.is_following:
            self._spawn(self._feed.follow())
