"""The file ``experiment.json``: what the experiment is, and under what circumstances it was run.

Written whole and at once, so that a reader sees the one before or the one after.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from polpo_lab.errors import JournalError
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.journal.circumstances import circumstances
from polpo_lab.experiments.plan import Plan
from polpo_lab.models.wire import to_wire_time

DESCRIPTION = "experiment.json"
FORMAT = 1
SEAL = "content_hash"
_OF_A_SESSION = frozenset({"number", "at", "server", "versions", "plan"})


def now() -> str:
    """Return this moment as the wire spells it."""
    return to_wire_time(datetime.now(UTC))


def hashes_of(plan: Plan) -> dict[str, Any]:
    """Return the hashes that a description carries beside the content they are of."""
    templates = {template.id: template.hash for template in plan.suite}
    return {"plan": plan.hash, "suite": plan.suite.hash, "templates": templates}


def of_plan(plan: Plan) -> dict[str, Any]:
    """Return the part of a description that a plan decides."""
    return {
        "name": plan.name,
        "plan": plan.to_record(),
        "hashes": hashes_of(plan),
        "seeds": {"experiment": plan.seed},
    }


def new_description(plan: Plan, created_by: str) -> dict[str, Any]:
    """Describe an experiment that is about to begin."""
    return {
        "format": FORMAT,
        **of_plan(plan),
        "created_at": now(),
        "created_by": created_by,
        "circumstances": circumstances(),
        "sessions": [],
    }


def has_journal(folder: Path) -> bool:
    """Tell whether a folder is that of an experiment."""
    return (folder / DESCRIPTION).exists()


def read_description(folder: Path) -> dict[str, Any] | None:
    """Return the description of a folder; None when there is none.

    Raises
    ------
    JournalError
        It cannot be read, or is of a newer format than this version knows.
    """
    path = folder / DESCRIPTION
    try:
        described = orjson.loads(path.read_bytes())
        format_ = _format_of(described)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise JournalError(
            f"{path} cannot be read as the description of an experiment ({error}): "
            "restore it from a copy; the journal beside it is not touched"
        ) from None
    if format_ > FORMAT:
        raise JournalError(
            f"{path} has format {format_}, this version of polpo-lab reads up to {FORMAT}: "
            "use the version that wrote it, or a newer one"
        )
    return described  # type: ignore[no-any-return]


def _format_of(described: Any) -> int:
    """Return the format of what was read, once it is a description of any."""
    told = described.get("format") if isinstance(described, dict) else None
    format_ = told if isinstance(told, int) else 0
    if format_ < 1:
        raise ValueError("it says no format")
    if format_ == FORMAT:
        _check_shape(described)
    return format_


def _check_shape(described: dict[str, Any]) -> None:
    """Refuse what lacks something that readers rely on."""
    sessions, hashes = described.get("sessions"), described.get("hashes")
    parts = [
        ("the description", described, {"name", "plan", "hashes", "sessions"}),
        ("hashes", hashes, {"plan", "suite", "templates"}),
        *(("a session", each, _OF_A_SESSION) for each in _listed(sessions)),
    ]
    for name, part, keys in parts:
        if not isinstance(part, dict):
            raise ValueError(f"{name} is no object")  # noqa: TRY004  # as what is no JSON
        if absent := keys - part.keys():
            raise ValueError(f"{name} has no {min(absent)!r}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def seal_of(described: Mapping[str, Any]) -> str:
    """Hash all that a description says, but for the hash itself."""
    return content_hash({name: part for name, part in described.items() if name != SEAL})


def write_description(folder: Path, described: Mapping[str, Any]) -> None:
    """Replace the description of a folder, at once and durably."""
    new = folder / f".{DESCRIPTION}.new"
    with new.open("wb") as file:
        sealed = {**described, SEAL: seal_of(described)}
        file.write(orjson.dumps(sealed, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / DESCRIPTION)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
