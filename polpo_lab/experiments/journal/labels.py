"""Labels: what people say of kept rounds, a line each, on the disk before the next is shown.

A label given later by the same person for the same round and scale takes the place of the
one before; every line stays. The drawn samples stand among them, so that whoever resumes, or
labels the same sample after, sees the same rounds though the experiment went on.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polpo_lab.experiments.journal import description
from polpo_lab.experiments.journal.side_files import append_lines, read_lines

LABELS = "labels.jsonl"
_NAMES_A_LABEL = ("by", "task_id", "attempt", "round", "scale", "adjudicates")


def keep_labels(folder: Path, labels: Iterable[dict[str, Any]]) -> None:
    """Append labels, and wait until they are on the disk.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    labels : iterable of dict
        ``by``, ``trial``, ``task_id``, ``attempt``, ``round``, ``scale``, ``label``,
        ``inclusion_prob``, ``comment``, ``blind`` and ``adjudicates``.
    """
    now = description.now()
    append_lines(folder / LABELS, ({"record": "label", **each, "at": now} for each in labels))


def read_labels(folder: Path) -> list[dict[str, Any]]:
    """Return the labels that count, in the order they were first given; none when taken back.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in read_lines(folder / LABELS):
        if line.get("record") == "label":
            found[tuple(line.get(name) for name in _NAMES_A_LABEL)] = line
    return [line for line in found.values() if line["label"] is not None]


def keep_sample(folder: Path, sample: dict[str, Any]) -> None:
    """Append a drawn sample.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    sample : dict
        ``size``, ``seed``, ``rounds``, and ``items``: what was drawn.
    """
    append_lines(folder / LABELS, [{"record": "sample", **sample, "at": description.now()}])


def find_sample(folder: Path, size: int, seed: int, rounds: str) -> dict[str, Any] | None:
    """Return the sample that was drawn with these; None when none was.

    Parameters
    ----------
    folder : Path
        Of the experiment.
    size, seed : int
    rounds : str
    """
    asked = (size, seed, rounds)
    for line in read_lines(folder / LABELS):
        drawn = (line.get("size"), line.get("seed"), line.get("rounds"))
        if line.get("record") == "sample" and drawn == asked:
            return line
    return None
