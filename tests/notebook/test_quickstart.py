"""The quickstart's cards: what the saved notebook shows is what running it shows.

nbval compares every other cell; it cannot see what a display is updated to.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

REPOSITORY = Path(__file__).parents[2]
QUICKSTART = REPOSITORY / "notebooks" / "01_quickstart.ipynb"


def saved_cards(notebook):
    """Return the static pages of the notebook's cards, what differs from run to run replaced."""
    pages = [
        output.data["text/html"]
        for cell in notebook.cells
        if "nbval-ignore-output" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if "polpo-saved" in output.get("data", {}).get("text/html", "")
    ]
    return [sanitised(page) for page in pages]


def sanitised(text):
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(REPOSITORY / "tests" / "notebooks.sanitize.cfg")
    for name in rules.sections():
        text = re.sub(rules[name]["regex"], rules[name]["replace"], text)
    return text


def test_the_cards_saved_in_the_quickstart_are_those_a_run_leaves(tmp_path):
    stored = nbformat.read(QUICKSTART, as_version=4)
    fresh = nbformat.read(QUICKSTART, as_version=4)
    client = NotebookClient(
        fresh, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    cards = saved_cards(fresh)
    assert len(cards) == 2
    assert "✗ failed" in cards[0]
    assert "✓ passed" in cards[1]
    assert cards == saved_cards(stored)


def test_the_quickstart_keeps_no_widget_state():
    assert "widgets" not in nbformat.read(QUICKSTART, as_version=4).metadata
