"""The board: all tasks of a server, live, with filters; a click opens a task's card below.

The server is asked again and again, on the live loop and only while the board is in sight;
the page is sent what changed. Filtering is done by the page.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as widgets
import traitlets

from polpo_lab.errors import PolpoLabError
from polpo_lab.live import live_loop
from polpo_lab.notebook.board_rows import BoardRows, board_page, board_text
from polpo_lab.notebook.card import Card
from polpo_lab.notebook.lab_connection import shared_client
from polpo_lab.notebook.saved_state import SavedState
from polpo_lab.notebook.static_source import static_source
from polpo_lab.notebook.subshell_comm import answer_where_asked

if TYPE_CHECKING:
    from polpo_lab.lab import Lab

SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
# However long a server takes to list its tasks, it is busy with that a tenth of the time.
PAUSE_PER_SECOND_ASKED = 9.0
SNAPSHOT_SECONDS = 2.0


class BoardTable(anywidget.AnyWidget):
    """The board's table; what it shows is sent in messages, not held in traits.

    Parameters
    ----------
    saved_key : str
        Marks the static page that the live table hides.
    """

    _esm = static_source("page.js", "board.js")
    _css = static_source("board.css")

    saved_key = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return "<BoardTable>"


class Board:
    """All tasks of a lab, live.

    Parameters
    ----------
    lab : Lab
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._saved = SavedState()
        self._rows = BoardRows()
        self._saved_at = 0.0
        self.card: Card | None = None
        self.table = BoardTable(saved_key=self._saved.key)
        answer_where_asked(self.table.comm)
        self._below = widgets.VBox([])
        self.widget = widgets.VBox([self.table, self._below])
        self.table.on_msg(self._on_message)
        # The first look is the caller's: a server that refuses is an error in the cell.
        self._rows.take(lab.tasks.list())
        self._ready = live_loop().submit(self._begin())

    async def _begin(self) -> None:
        self._in_sight = asyncio.Event()
        self._in_sight.set()
        self._work = asyncio.create_task(self._look_for_ever())

    # ------------------------------------------------------------------ what a user calls

    def open(self, task_id: str) -> Card:
        """Show a task's card below the table, in place of the one shown before."""
        before, self.card = self.card, Card(self._lab, task_id)
        self.table.selected = task_id
        self._below.children = (self.card,)
        self.card.when_saved(self._save)
        if before is not None:
            before.close()
        return self.card

    def close(self) -> None:
        """Stop looking, and remove the board."""
        live_loop().submit(self._end())
        if self.card is not None:
            self.card.close()
        self.table.close()
        self.widget.close()

    async def _end(self) -> None:
        self._work.cancel()

    def _ipython_display_(self) -> None:
        self._saved.show(self.widget, *self._page())

    def __repr__(self) -> str:
        return f"<Board: {board_text(self._rows)}>"

    # ------------------------------------------------------------------ looking

    async def _look_for_ever(self) -> None:
        client = await shared_client(self._lab)
        pause = SHORTEST_PAUSE
        while True:
            await asyncio.sleep(pause)
            await self._in_sight.wait()
            began = time.monotonic()
            try:
                changes = self._rows.take(await client.tasks.list())
            except PolpoLabError as error:
                self.table.trouble = str(error)
                pause = LONGEST_PAUSE
                continue
            took = time.monotonic() - began
            self.table.trouble = ""
            if changes is not None:
                self.table.send({"kind": "changes", **changes})
                self._save()
            quiet = min(pause * 1.5, LONGEST_PAUSE) if changes is None else SHORTEST_PAUSE
            pause = max(quiet, took * PAUSE_PER_SECOND_ASKED)

    def _save(self) -> None:
        if time.monotonic() - self._saved_at > SNAPSHOT_SECONDS or self._rows.is_quiet:
            self._saved_at = time.monotonic()
            self._saved.update(*self._page())

    def _page(self) -> tuple[str, str]:
        card = self.card.page()[0] if self.card is not None else ""
        return board_page(self._rows) + card, board_text(self._rows)

    # ------------------------------------------------------------------ from the page

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message; on a subshell's thread while a cell runs."""
        match content:
            case {"kind": "hello", "id": request}:
                live_loop().submit(self._answer_hello(request))
            case {"kind": "sight", "value": bool(value)}:
                live_loop().submit(self._set_sight(value))
            case {"kind": "open", "taskId": str(task_id)} if task_id in self._rows:
                self.open(task_id)

    async def _answer_hello(self, request: Any) -> None:
        self.table.send({"kind": "all", "id": request, **self._rows.everything()})

    async def _set_sight(self, value: bool) -> None:
        if value:
            self._in_sight.set()
        else:
            self._in_sight.clear()
