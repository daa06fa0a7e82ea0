"""Looks: comparisons that were made before the plan was finished, one line each.

Whoever reads a report sees how often its author looked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polpo_lab.experiments.journal import description
from polpo_lab.experiments.journal.side_files import append_lines, read_lines

LOOKS = "looks.jsonl"


def note_look(folder: Path, told: dict[str, Any]) -> None:
    """Append a look; the same look at the same state, as when a cell is run again, is one.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    told : dict
        JSON values: what was compared, and how far the plan had come.
    """
    if any({k: v for k, v in look.items() if k != "at"} == told for look in read_looks(folder)):
        return
    append_lines(folder / LOOKS, [{**told, "at": description.now()}])


def read_looks(folder: Path) -> list[dict[str, Any]]:
    """Return the looks, oldest first; a line that was cut by a crash is passed over.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    """
    return list(read_lines(folder / LOOKS))
