"""An experiment's static page: the board as HTML that needs no script and no style sheet. Pure.

Bounded: large suites are summed up by family. Every text passes `escape_html`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from polpo_lab.hostile_text import escape_html
from polpo_lab.notebook.experiment_grid import VERDICT_MARKS, VERDICT_WORDS, Grid, cell_text
from polpo_lab.notebook.snapshot import table

SAVED_ROWS = 60
SAVED_COLUMNS = 20


def board_text(status: dict[str, Any]) -> str:
    """Return the board in one line, for a terminal."""
    counts = ", ".join(f"{n:,} {words}" for _, words, n in status["counts"] if n)
    return f"{status['name']}: {status['stateText']}; {status['planned']:,} trials: {counts}"


def board_page(
    grid: Grid, status: dict[str, Any], troubles: list[dict[str, Any]], code: str
) -> str:
    """Return the static page of a board.

    Parameters
    ----------
    grid : Grid
    status, troubles
        As `experiment_status` makes them.
    code : str
        The Python that does what the board does.
    """
    counts = " · ".join(f"{words} {n:,}" for _, words, n in status["counts"] if n)
    lead = [
        f"{status['ended']:,} of {status['planned']:,} trials ended: {counts}",
        " · ".join([*status["facts"], *(limit["text"] for limit in status["budget"])]),
    ]
    parts = [
        f"<p><strong>{escape_html(status['name'])}</strong> · {escape_html(status['stateText'])}",
        *(f"<br>{escape_html(line)}" for line in lead if line),
        "</p>",
        _grid(grid),
        table(["times", "message"], [[f"{t['count']:,}", t["message"]] for t in troubles]),
        "<details><summary>Python for this board</summary>",
        f"<pre>{escape_html(code)}</pre></details>",
        f"<p><small>{datetime.now(UTC):As of %Y-%m-%d %H:%M:%S UTC}.</small></p>",
    ]
    return "".join(parts)


def _grid(grid: Grid) -> str:
    rows = list(range(len(grid.rows)))
    if len(rows) > SAVED_ROWS and grid.has_families:
        rows = [row for row in rows if grid.rows[row].template is None]
    shown, columns = rows[:SAVED_ROWS], list(range(len(grid.conditions)))[:SAVED_COLUMNS]
    named = [" · ".join(filter(None, grid.columns[column])) for column in columns]
    body = [
        [_name(grid, row), *(cell_text(grid.counts(row, column)) for column in columns)]
        for row in shown
    ]
    legend = ", ".join(f"{mark} {VERDICT_WORDS[word]}" for word, mark in VERDICT_MARKS.items())
    notes = [f"{legend}; 3/5: 3 of 5 judged repeats passed", *_left_out(grid, shown, columns)]
    lines = "<br>".join(escape_html(note) for note in notes)
    return f"{table(['', *named], body)}<p><small>{lines}</small></p>"


def _name(grid: Grid, row: int) -> str:
    found = grid.rows[row]
    return found.name if found.template is not None else f"{found.name} (all {found.size:,})"


def _left_out(grid: Grid, rows: list[int], columns: list[int]) -> Iterable[str]:
    templates = sum(1 for row in grid.rows if row.template is not None) + grid.left_out
    alone = sum(1 for row in rows if grid.rows[row].template is not None)
    families = [row for row in range(len(grid.rows)) if grid.rows[row].template is None]
    if templates > alone:
        yield f"{templates - alone:,} templates have no row here: exp.frame('tasks') has all"
    if hidden := len(set(families) - set(rows)):
        yield f"{hidden:,} families have no row here"
    if hidden := len(grid.conditions) + grid.conditions_left_out - len(columns):
        yield f"{hidden:,} conditions have no column here: exp.frame('conditions') has all"
