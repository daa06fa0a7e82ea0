"""Openings of the test side: once for each version of the criteria, and written down.

A threshold chosen on the dev side is confirmed on the test side. Whoever looks, changes the
threshold and looks again, has tuned on the test: so what was confirmed is kept here first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polpo_lab.experiments.journal import description
from polpo_lab.experiments.journal.side_files import append_lines, read_lines

OPENINGS = "openings.jsonl"


def note_opening(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Write down that the test side is opened, and return the line.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    told : dict
        JSON values: ``version`` of the criteria, and what is confirmed.
    """
    line = {"record": "opening", **told, "at": description.now()}
    append_lines(folder / OPENINGS, [line])
    return line


def find_opening(folder: Path, version: str) -> dict[str, Any] | None:
    """Return the first opening of a version; None when the test side is closed.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    version : str
    """
    return next((e for e in read_openings(folder) if e.get("version") == version), None)


def read_openings(folder: Path) -> list[dict[str, Any]]:
    """Return all openings, oldest first.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    """
    return list(read_lines(folder / OPENINGS))
