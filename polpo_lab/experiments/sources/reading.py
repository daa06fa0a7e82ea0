"""One door to every source: tells by what it is given which reader is meant."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.sources.bundled import bundled_file
from polpo_lab.experiments.sources.csv_files import read_csv
from polpo_lab.experiments.sources.drafts import Document, Draft, at, shown
from polpo_lab.experiments.sources.json_lines import read_json_lines, with_header
from polpo_lab.experiments.sources.texts import read_text

UNNAMED = "unnamed"


def _read_yaml(text: str, source: str) -> Document:
    from polpo_lab.experiments.sources.yaml_documents import read_yaml

    return read_yaml(text, source)


_READERS: dict[str, Callable[[str, str], Document]] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
    ".csv": read_csv,
    ".tsv": read_csv,
}


def read_source(source: Any) -> tuple[Document, str]:
    """Return what a source holds, and what its suite is called where it does not say.

    Raises
    ------
    InvalidArgument
        When it is nothing that suites are read from.
    """
    if isinstance(source, str) and not _is_a_path(source):
        return read_file(bundled_file(source)), source
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return read_file(path), path.stem
    if is_frame(source):
        from polpo_lab.experiments.sources.frames import read_fields

        return read_fields(source), UNNAMED
    return read_objects(source), UNNAMED


def read_file(path: Path) -> Document:
    """Return what a file holds, read by its suffix."""
    if not path.is_dir():
        known_suffix(path, _READERS)
    text = read_text(path)
    return _READERS[path.suffix.lower()](text, str(path))


def known_suffix(path: Path, known: Iterable[str]) -> str:
    """Return the suffix of a path, one of the known ones.

    Raises
    ------
    InvalidArgument
        When it is another.
    """
    suffix = path.suffix.lower()
    if suffix in known:
        return suffix
    near = difflib.get_close_matches(suffix, known, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ";"
    raise InvalidArgument(
        f"{str(path)!r}: suites have no files of the kind {suffix!r}{guess} "
        f"known: {', '.join(known)}"
    )


def read_objects(source: Any) -> Document:
    """Return the drafts of Python objects: dicts or templates, or ``suite`` and ``templates``."""
    header: Draft | None = None
    if isinstance(source, Mapping) and "templates" in source:
        unknown = set(source) - {"suite", "templates"}
        if unknown:
            raise InvalidArgument(
                f"{shown(min(map(str, unknown)))} is no part of a suite; known: suite, templates"
            )
        if "suite" in source:
            header = Draft(source["suite"], at("suite"))
        source = source["templates"]
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise InvalidArgument(
            f"a suite is read from a file, the name of a bundled suite, a DataFrame, or a list "
            f"of dicts or Template objects, not from {type(source).__name__} {shown(source)}"
        )
    drafts = [Draft(value, at(f"item {n}")) for n, value in enumerate(source)]
    if header is not None:
        return Document("the list", drafts, header)
    return with_header("the list", drafts)


def is_frame(source: Any) -> bool:
    """Whether it is a DataFrame; without loading pandas, which made it if it is one."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


def _is_a_path(source: str) -> bool:
    return bool(Path(source).suffix) or os.sep in source
