"""The experiment notebook's boards: what is saved is what running it shows.

nbval runs the notebook and compares every other cell; it cannot see what a display is updated
to. That the boards agree with those cells is seen here without running it once more; that they
are what a run leaves, by a slow test.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebook.test_quickstart import REPOSITORY, saved_cards

NOTEBOOK = REPOSITORY / "notebooks" / "02_experiment.ipynb"


@pytest.fixture
def stored():
    return nbformat.read(NOTEBOOK, as_version=4)


def shown_by(notebook, source: str) -> list[str]:
    """Return what the cells that begin so show as text."""
    return [c.outputs[0].data["text/plain"] for c in notebook.cells if c.source.startswith(source)]


def judged_on(board: str) -> list[tuple[int, int]]:
    """Return of each condition how many passed of how many judged, over all templates."""
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", board)]
    shares = [
        [tuple(map(int, re.findall(r"\d+", cell))) or (0, 0) for cell in row[1:]]
        for row in rows
        if row
    ]
    return [tuple(map(sum, zip(*cells, strict=True))) for cells in zip(*shares, strict=True)]


def test_the_saved_boards_say_what_the_compared_cells_say(stored):
    pilot, half, whole = saved_cards(stored)
    assert "the budget of 20 tasks is used up" in pilot
    assert sum(judged for _, judged in judged_on(pilot)) == 20

    stopped, ended = map(ast.literal_eval, shown_by(stored, "run.reason, "))
    assert f"{stopped[0]}<br>{stopped[1]} of 150 trials ended: to do {stopped[2]}" in half
    assert sum(judged for _, judged in judged_on(half)) == stopped[1] == 75
    assert f"{ended[0]}<br>{ended[2]} of 150 trials ended" in whole
    assert "to do" not in whole.split("<table>")[0]

    (table,) = shown_by(stored, 'tasks = exp.frame("tasks")')
    told = re.findall(r"(?:once|retry|fix) +(\d+) +([\d.]+)", table)
    assert judged_on(whole) == [(int(float(passed)), int(n)) for n, passed in told]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_boards_saved_in_the_notebook_are_those_a_run_leaves(stored, tmp_path: Path):
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        fresh, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    boards = saved_cards(fresh)
    assert len(boards) == 3
    assert boards == saved_cards(stored)
    assert not list(tmp_path.iterdir()), "it leaves nothing beside the notebook"


def test_the_notebook_keeps_no_widget_state(stored):
    assert "widgets" not in stored.metadata
