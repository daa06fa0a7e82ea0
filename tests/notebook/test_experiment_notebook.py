"""The experiment notebook's boards: what is saved is what running it shows.

nbval compares every other cell; it cannot see what a display is updated to.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebook.test_quickstart import REPOSITORY, saved_cards

NOTEBOOK = REPOSITORY / "notebooks" / "02_experiment.ipynb"


@pytest.mark.timeout(900)
def test_the_boards_saved_in_the_notebook_are_those_a_run_leaves(tmp_path: Path):
    stored = nbformat.read(NOTEBOOK, as_version=4)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        fresh, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    boards = saved_cards(fresh)
    assert len(boards) == 3
    pilot, half, whole = boards
    assert "the budget of 20 tasks is used up" in pilot
    assert "75 of 150 trials ended" in half
    assert "finished" in whole
    assert "to do" not in whole.split("<table>")[0]
    assert boards == saved_cards(stored)
    assert not list(tmp_path.iterdir()), "it leaves nothing beside the notebook"


def test_the_notebook_keeps_no_widget_state():
    assert "widgets" not in nbformat.read(NOTEBOOK, as_version=4).metadata
