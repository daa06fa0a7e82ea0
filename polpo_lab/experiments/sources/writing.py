"""Suites written to files that load back to the same content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.sources.json_lines import write_json_lines
from polpo_lab.experiments.sources.reading import known_suffix

_SUFFIXES = (".jsonl", ".ndjson", ".yaml", ".yml")


def save_suite(path: Path, header: dict[str, Any], templates: list[dict[str, Any]]) -> Path:
    """Write a header and templates as the path's suffix says, and return the path.

    Raises
    ------
    InvalidArgument
        When it is another kind of file, or cannot be written.
    """
    if known_suffix(path, _SUFFIXES) in (".yaml", ".yml"):
        from polpo_lab.experiments.sources.yaml_documents import write_yaml

        text = write_yaml(header, templates)
    else:
        text = write_json_lines(header, templates)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InvalidArgument(f"{str(path)!r} cannot be written: {error.strerror}") from None
    return path
