"""Rounds being scored, watched until all are; an interrupt ends it, and keeps what was scored.

One display that is updated in place, in a cell or on a terminal; nothing where there is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from polpo_lab.experiments.rescoring.scoring import Scoring
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.notebook.running import is_notebook

LOOK_SECONDS = 0.5


class ScoringStopped(KeyboardInterrupt):
    """An interrupt ended the scoring; what was scored so far is on the disk.

    It stops the cells that follow, as Stop should, and is shown as one line.
    """

    def __init__(self, scored: str) -> None:
        super().__init__(f"{scored} and kept: call it again, and it goes on")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def wait_for_scores(scoring: Scoring, future: Future[None], console: Console | None = None) -> None:
    """Show rounds being scored until all are.

    Parameters
    ----------
    scoring : Scoring
    future : Future
        Of the work, which an interrupt cancels.
    console : Console, optional

    Raises
    ------
    ScoringStopped
        When Ctrl-C or the notebook's Stop was pressed.
    """
    console = console or Console()
    show = _in_a_cell if is_notebook() else _on_a_terminal
    if scoring.todo:
        with show(scoring, console) as look:
            try:
                while not wait([future], timeout=LOOK_SECONDS).done:
                    look()
            except KeyboardInterrupt:
                future.cancel()
                raise ScoringStopped(_words(scoring)) from None
    future.result()


def _words(scoring: Scoring) -> str:
    name = one_line(scoring.version.name, 60)
    return f"{name}: {scoring.done:,} of {len(scoring.todo):,} {scoring.unit} scored"


@contextmanager
def _on_a_terminal(scoring: Scoring, console: Console) -> Iterator[Callable[[], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as shown:  # fmt: skip
        task = shown.add_task("scoring", total=len(scoring.todo))
        yield lambda: shown.update(task, completed=scoring.done)


@contextmanager
def _in_a_cell(scoring: Scoring, console: Console) -> Iterator[Callable[[], None]]:
    """Update one output of the cell, from the cell's own thread."""
    del console
    from IPython.display import display

    handle = display(_Shown(scoring), display_id=True)  # type: ignore[no-untyped-call]

    def look() -> None:
        handle.update(_Shown(scoring))

    yield look
    look()


class _Shown:
    """How far the scoring has come, as text and as HTML."""

    def __init__(self, scoring: Scoring) -> None:
        self._words = _words(scoring)
        self._share = f'value="{scoring.done}" max="{len(scoring.todo)}"'

    def __repr__(self) -> str:
        return self._words

    def _repr_html_(self) -> str:
        return f"<progress {self._share}></progress> {escape_html(self._words)}"
