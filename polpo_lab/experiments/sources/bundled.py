"""Suites that come with the package, by name."""

from __future__ import annotations

import difflib
from pathlib import Path

from polpo_lab.demo.solved import datasets_folder
from polpo_lab.errors import InvalidArgument


def bundled_files() -> dict[str, Path]:
    """Return the files of the bundled suites by their names."""
    return {path.stem: path for path in sorted(datasets_folder().glob("*.jsonl"))}


def bundled_file(name: str) -> Path:
    """Return the file of a bundled suite.

    Raises
    ------
    InvalidArgument
        When there is none of that name; the message names the nearest and the known ones.
    """
    known = bundled_files()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    guess = f" did you mean {near[0]!r}?" if near else ""
    raise InvalidArgument(
        f"no suite called {name!r:.80} comes with polpo-lab;{guess} Known: {', '.join(known)}. "
        "A file is named with its suffix, such as 'suite.jsonl'"
    )
