"""The card of a trial as its journal has it: nothing is followed, no server is asked.

Looks like the live card, which shares its page; there is nothing to press.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from polpo_lab.errors import PolpoLabError
from polpo_lab.experiments.journal import Recorded, read_journal
from polpo_lab.experiments.trial import Trial
from polpo_lab.live import live_loop
from polpo_lab.models import Task
from polpo_lab.notebook import snapshot
from polpo_lab.notebook.card_summary import summarise, summarise_attempts, summarise_checks
from polpo_lab.notebook.saved_state import SavedState
from polpo_lab.notebook.static_source import static_source
from polpo_lab.notebook.subshell_comm import answer_where_asked
from polpo_lab.notebook.transcript import Transcript


class RecordedCard(anywidget.AnyWidget):
    """A trial of an experiment, from the journal.

    Parameters
    ----------
    folder : pathlib.Path
        Of the journal.
    trial : Trial
    title : str
        Of its template, until the journal is read.
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

    def __init__(self, folder: Path, trial: Trial, title: str) -> None:
        self._saved = SavedState()
        self._trial = trial
        self._folder = folder
        self._again = f"exp.task({trial.id!r})"
        self._transcript = Transcript(Task(id="", title=title, assign_to=trial.agent))
        super().__init__(
            summary=self._summary(self._transcript.task),
            code=f"{self._again}  # this task, as it ended",
            saved_key=self._saved.key,
        )
        answer_where_asked(self.comm)
        self.on_msg(self._on_message)
        self._ready = live_loop().submit(self._begin())

    async def _begin(self) -> None:
        self._filling = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        try:
            task, transcript, notice = await asyncio.to_thread(self._read)
        except PolpoLabError as error:
            self.notices = [f"The journal cannot be read: {error}"]
            return
        self._transcript = transcript
        self.summary = self._summary(task)
        self.attempts = summarise_attempts(task)
        self.checks = summarise_checks(task.assessment)
        self.notices = [notice] if notice else []
        self._saved.update(*self.page())

    def _read(self) -> tuple[Task, Transcript, str | None]:
        """Return the task, what it wrote, and why it has no result, if it has none."""
        recorded = read_journal(self._folder)
        transcript = Transcript(self._transcript.task)
        for event in recorded.events(self._trial.id):
            transcript.take(event)
        state = recorded.states.get(self._trial.id)
        if state is not None and state.stage == "ended":
            return recorded.task(self._trial.id), transcript, None
        return transcript.task, transcript, _why_no_result(recorded, self._trial)

    def _summary(self, task: Task) -> dict[str, Any]:
        return {
            **summarise(task),
            "actions": [],
            "recorded": True,
            "again": f"From the journal: {self._again}",
            "whole": "the journal keeps all: exp.frame('events')",
        }

    def wait(self, timeout: float | None = None) -> None:
        """Block until the journal is read."""
        self._ready.result(timeout)
        live_loop().run(self._until_filled())

    async def _until_filled(self) -> None:
        await asyncio.shield(self._filling)

    def when_saved(self, tell: Callable[[], None]) -> None:
        """Have something called when the static page is complete: for what contains the card."""
        live_loop().submit(self._tell_when_filled(tell))

    async def _tell_when_filled(self, tell: Callable[[], None]) -> None:
        await self._until_filled()
        tell()

    def page(self) -> tuple[str, str]:
        """Return the static page as safe HTML, and the same in a line for a terminal."""
        output = self._transcript.output
        page = snapshot.card_page(
            self.summary, self.attempts, self.checks, output.text(), output.lines, self.code
        )
        return page, snapshot.card_text(self.summary)

    def _ipython_display_(self) -> None:
        self._saved.show(self, *self.page())

    def __repr__(self) -> str:
        return f"<RecordedCard of {snapshot.card_text(self.summary)}>"

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        match content:
            case {"kind": "hello", "id": request}:
                live_loop().submit(self._answer_hello(request))

    async def _answer_hello(self, request: Any) -> None:
        await self._until_filled()
        now = round(time.time() * 1000)
        self.send({"kind": "tail", "id": request, "now": now, **self._transcript.output.tail()})


def _why_no_result(recorded: Recorded, trial: Trial) -> str:
    state = recorded.states.get(trial.id)
    if state is None:
        return "The trial was never started."
    if state.stage == "missing":
        return f"The trial has no result: {state.reason}: {state.message}"
    return "The trial has not ended: this is what the journal had when the card was opened."
