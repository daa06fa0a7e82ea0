"""Looks: comparisons that were made before the plan was finished, one line each.

They stand beside the journal, not in it: whoever looks is not who writes it, and the journal
has one writer. Whoever reads a report sees how often its author looked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson

from polpo_lab.experiments.journal import description

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
    line = orjson.dumps({**told, "at": description.now()}) + b"\n"
    # One write at the end of the file: looks of several processes do not mix.
    file = os.open(folder / LOOKS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def read_looks(folder: Path) -> list[dict[str, Any]]:
    """Return the looks, oldest first; a line that was cut by a crash is passed over.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    """
    try:
        lines = (folder / LOOKS).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    looks = []
    for line in lines:
        try:
            looks.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue
    return looks
