"""The board of an experiment: conditions x templates, live; a click opens a trial's card below.

The runner marks what changed; the page is sent those cells only, at most 20 times a second.
How a cell is summed up is decided in `experiment_grid`, what is said around it in
`experiment_status`.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as widgets
import traitlets

from polpo_lab.errors import PolpoLabError
from polpo_lab.experiments.progress import Cell
from polpo_lab.experiments.run import Run
from polpo_lab.experiments.trial import Trial
from polpo_lab.live import live_loop
from polpo_lab.notebook.card import Card
from polpo_lab.notebook.experiment_grid import Grid
from polpo_lab.notebook.experiment_page import board_page, board_text
from polpo_lab.notebook.experiment_status import (
    ACTIONS,
    code_of,
    summarise_cell,
    summarise_run,
    summarise_troubles,
)
from polpo_lab.notebook.recorded_card import RecordedCard
from polpo_lab.notebook.running import is_notebook
from polpo_lab.notebook.saved_state import SavedState
from polpo_lab.notebook.static_source import static_source
from polpo_lab.notebook.subshell_comm import answer_where_asked

if TYPE_CHECKING:
    from polpo_lab.lab import Lab

UPDATE_SECONDS = 0.05
SNAPSHOT_SECONDS = 2.0
_LOOK_SECONDS = 1.0
# A page asks for the whole grid, but where no subshell answers it is not heard until the
# running cell ends; so it is also sent unasked, ever more rarely, until a page is heard.
_FIRST_PUSH_SECONDS, _RAREST_PUSH_SECONDS = 0.5, 30.0
# Which repeat of a cell is opened by itself.
_MOST_TELLING = ("running", "failed", "missing", "awaiting", "passed")


class ExperimentTable(anywidget.AnyWidget):
    """The board's page; its cells are sent in messages, not held in traits.

    Parameters
    ----------
    saved_key : str
        Marks the static page that the live board hides.
    """

    _esm = static_source("page.js", "experiment_grid.js", "experiment_board.js")
    _css = static_source("experiment_board.css")

    saved_key = traitlets.Unicode().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    troubles: traitlets.List[Any] = traitlets.List().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    notice = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return "<ExperimentTable>"


class ExperimentBoard:
    """A run of an experiment, live. Made by ``run.board()``.

    Parameters
    ----------
    run : Run
    folder : pathlib.Path
        Of the journal.
    labs : list of Lab
        Where trials run; without them, all cards are read from the journal.
    """

    def __init__(self, run: Run, folder: Path, labs: list[Lab]) -> None:
        self._run = run
        self._folder = folder
        self._labs = {lab.url: lab for lab in labs}
        self._grid = Grid(run.plan, run.progress.cells)
        self._trials: dict[str, Trial] = {}
        self._cell: Cell | None = None
        self._moves = 0
        self._saved = SavedState()
        self._saved_at = 0.0
        self._push_seconds = _FIRST_PUSH_SECONDS
        self._push_at = float("inf")  # not before it is shown, and not after a page was heard
        self.card: Card | RecordedCard | None = None
        self.table = ExperimentTable(saved_key=self._saved.key)
        answer_where_asked(self.table.comm)
        self._below = widgets.VBox([])
        self.widget = widgets.VBox([self.table, self._below])
        self.table.on_msg(self._on_message)
        live_loop().run(self._begin())

    async def _begin(self) -> None:
        """Draw what is known, and follow the run; on its loop, where the cells hold still."""
        self._dirty = asyncio.Event()
        self._tell_state()
        self._moves = self._run.progress.moves
        self._run.when_changed(self._dirty.set)
        self._following = asyncio.create_task(self._follow())

    # ------------------------------------------------------------------ what a user calls

    def open(self, trial_id: str) -> Card | RecordedCard:
        """Show a trial's card below the grid, in place of the one shown before.

        Parameters
        ----------
        trial_id : str

        Returns
        -------
        Card or RecordedCard
            Live while the trial runs on a server of this process's; else from the journal.
        """
        trial = self._trial(trial_id)
        before, self.card = self.card, self._card_of(trial)
        self.table.selected = trial_id
        self._tell_code()
        self._below.children = (self.card,)
        self.card.when_saved(self._save_soon)
        if before is not None:
            before.close()
        return self.card

    def settle(self) -> None:
        """Block until the end of the run is shown, and saved in its cells."""
        live_loop().run(self._until_settled())

    async def _until_settled(self) -> None:
        await asyncio.wait([self._following])

    def close(self) -> None:
        """Stop looking, and remove the board; the run goes on."""
        live_loop().submit(self._end())
        if self.card is not None:
            self.card.close()
        self.table.close()
        self.widget.close()

    async def _end(self) -> None:
        self._following.cancel()

    def show_in_cell(self) -> bool:
        """Show it in the running cell; False where it is shown already, or cannot be."""
        if not is_notebook() or self._saved.is_shown_in_this_cell:
            return False
        self._ipython_display_()
        return True

    def _ipython_display_(self) -> None:
        page, text = live_loop().run(self._page_now())
        self._saved.show(self.widget, page, text)
        self._push_at = time.monotonic() + self._push_seconds

    def __repr__(self) -> str:
        return f"<ExperimentBoard of {board_text(self.table.status)}>"

    # ------------------------------------------------------------------ to the page

    async def _follow(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._run.is_over
            self._publish()
            await asyncio.sleep(UPDATE_SECONDS)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            self._dirty.clear()
        self._save()

    def _publish(self) -> None:
        progress = self._run.progress
        cells = progress.moved_since(self._moves)
        self._moves = progress.moves
        if cells:
            self.table.send({"kind": "cells", "cells": self._grid.told(cells)})
        if self._push_at <= time.monotonic():
            self._tell_all(None)
            self._push_seconds = min(2 * self._push_seconds, _RAREST_PUSH_SECONDS)
            self._push_at = time.monotonic() + self._push_seconds
        self._tell_state()
        if self._cell is not None and self._cell in cells:
            self._tell_cell(self._cell)
        if self._saved_at < time.monotonic() - SNAPSHOT_SECONDS:
            self._save()

    def _tell_state(self) -> None:
        # Traits compare, so that only what changed is sent.
        run, table = self._run, self.table
        snapshot = run.snapshot()
        table.status = summarise_run(
            run.plan.name,
            snapshot,
            is_over=run.is_over,
            is_dry=run.is_dry,
            changes=run.changes,
        )
        table.troubles = summarise_troubles(snapshot.troubles)
        if run.failure is not None:
            table.notice = f"The run could not go on: {run.failure}"
        self._tell_code()

    def _tell_code(self) -> None:
        lines = [code_of(self.table.status["actions"])]
        if isinstance(self.card, Card):
            lines.append(f"lab.watch({self.card.summary['taskId']!r})  # the card below")
        elif self.table.selected:
            lines.append(f"exp.task({self.table.selected!r})  # the card below")
        self.table.code = "\n".join(lines)

    def _tell_cell(self, cell: Cell) -> None:
        progress = self._run.progress
        self.table.detail = summarise_cell(
            self._grid.name_of(cell),
            progress.trials_of[cell],
            progress.standings,
        )

    async def _page_now(self) -> tuple[str, str]:
        return self._page()

    def _page(self) -> tuple[str, str]:
        status = self.table.status
        page = board_page(self._grid, status, self.table.troubles, self.table.code)
        below = self.card.page()[0] if self.card is not None else ""
        return page + below, board_text(status)

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        self._saved.update(*self._page())

    def _save_soon(self) -> None:
        """Save with the next look, or now where no more are taken."""
        self._saved_at = 0.0
        if self._following.done():
            self._save()

    # ------------------------------------------------------------------ from the page

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message; on a subshell's thread while a cell runs."""
        match content:
            case {"kind": "hello", "id": request}:
                live_loop().submit(self._answer_hello(request))
            case {"kind": "action", "id": request, "action": str(action)} if action in ACTIONS:
                self.table.send({"kind": "heard", "id": request})
                live_loop().submit(self._act(action))
            case {"kind": "cell", "row": int(row), "column": int(column)}:
                self._open_cell(row, column)
            case {"kind": "open", "trial": str(trial_id)} if self._is_listed(trial_id):
                self.open(trial_id)

    async def _answer_hello(self, request: Any) -> None:
        self._push_at = float("inf")
        self._tell_all(request)

    def _tell_all(self, request: Any) -> None:
        self.table.send(
            {"kind": "all", "id": request, **self._grid.layout(), "cells": self._grid.begun()}
        )

    async def _act(self, action: str) -> None:
        run = self._run
        asked = {
            "pause": run.pause,
            "resume": run.resume,
            "stop": run.stop,
            "leave": lambda: run.stop(leave=True),
        }
        await asyncio.to_thread(asked[action])
        self._dirty.set()

    def _open_cell(self, row: int, column: int) -> None:
        cell = self._grid.cell_at(row, column)
        if cell is None:
            return
        live_loop().run(self._select(cell))
        standings = self._run.progress.standings
        trials = sorted(self._run.progress.trials_of[cell], key=lambda trial: trial.repeat)
        for telling in _MOST_TELLING:
            for trial in trials:
                if standings[trial.id] == telling:
                    self.open(trial.id)
                    return

    async def _select(self, cell: Cell) -> None:
        self._cell = cell
        self._tell_cell(cell)

    def _is_listed(self, trial_id: str) -> bool:
        return any(each["trial"] == trial_id for each in self.table.detail.get("repeats", ()))

    def _trial(self, trial_id: str) -> Trial:
        if not self._trials:
            cells = self._run.progress.trials_of.values()
            self._trials = {trial.id: trial for trials in cells for trial in trials}
        return self._trials[trial_id]

    def _card_of(self, trial: Trial) -> Card | RecordedCard:
        task_id, url = self._run.task_of(trial.id)
        lab = self._labs.get(url or "")
        if task_id and lab and self._run.progress.standings[trial.id] == "running":
            try:
                return Card(lab, task_id)
            except PolpoLabError as error:
                self.table.notice = f"The live card cannot be shown: {error}"
        return RecordedCard(self._folder, trial, self._run.plan.suite[trial.template].title)
