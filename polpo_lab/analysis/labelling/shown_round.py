"""What a labeller is shown of a round: the task, the result, the files, and what is asked of it.

Blind, neither the agent is named nor what any check or judge said. All texts are agents' and
judges': bounded here, escaped by whoever puts them on a page.
"""

from __future__ import annotations

from typing import Any

from polpo_lab.errors import FilesNotAtHand, InvalidArgument
from polpo_lab.hostile_text import bounded, one_line, strip_control
from polpo_lab.models import Attempt, Task

MOST_TEXT = 20_000
MOST_FILES = 30
MOST_CHECKS = 50
MOST_MESSAGE = 300


def shown_round(task: Task, attempt: int, round_: int, *, blind: bool) -> dict[str, Any]:
    """Return what is shown of a round, as plain values.

    Parameters
    ----------
    task : Task
        Its kept files readable.
    attempt, round_ : int
    blind : bool

    Raises
    ------
    InvalidArgument
        The task has no such round.
    """
    record = _find(task, attempt, round_)
    result = record.result
    shown: dict[str, Any] = {
        "title": one_line(task.title, 200),
        "description": _text(task.description),
        "result": _text((result.content or "") if result else ""),
        "ended": "" if record.exit_reason == "ok" else _end(record),
        "files": _files(record),
        "moreFiles": max(0, len(record.files) - MOST_FILES),
        "checks": _checks(task, record, blind=blind),
        "about": "",
    }
    if not blind:
        verdict = "not judged" if record.assessment is None else _words(record.assessment.passed)
        shown["about"] = one_line(f"{record.agent} · {record.label} · {verdict}", 200)
    return shown


def _find(task: Task, attempt: int, round_: int) -> Attempt:
    for record in task.attempts or ():
        if (record.attempt, record.round) == (attempt, round_):
            return record
    raise InvalidArgument(f"the task has no attempt {attempt}, round {round_}")


def _end(record: Attempt) -> str:
    said = record.result.error if record.result else None
    return one_line(f"{record.exit_reason}: {said}" if said else str(record.exit_reason), 400)


def _files(record: Attempt) -> list[dict[str, Any]]:
    files = []
    for entry in record.files.entries[:MOST_FILES]:
        try:
            content = record.files.read_bytes(entry.path)
        except FilesNotAtHand as error:
            text, note = "", one_line(str(error), MOST_MESSAGE)
        else:
            text, note = _file_text(content)
        files.append(
            {"path": one_line(entry.path, 200), "size": entry.size, "text": text, "note": note}
        )
    return files


def _file_text(content: bytes) -> tuple[str, str]:
    if b"\0" in content[:4096]:
        return "", "not a text"
    return _text(content[: 4 * MOST_TEXT].decode("utf-8", "replace")), ""


def _checks(task: Task, record: Attempt, *, blind: bool) -> list[dict[str, Any]]:
    judged = record.assessment.checks if record.assessment else []
    found = {check.index: check for check in judged}
    checks = []
    for index, expectation in enumerate((task.expectations or [])[:MOST_CHECKS]):
        check = found.get(index)
        asked = getattr(expectation, "subject", "") or (check.name if check else "")
        told = {"name": one_line(getattr(expectation, "label", asked), 200),
                "asks": _text(asked, MOST_MESSAGE), "verdict": "", "says": ""}  # fmt: skip
        if check is not None and not blind:
            told["verdict"] = _words(check.passed)
            told["says"] = one_line(check.error or check.message, MOST_MESSAGE)
        checks.append(told)
    return checks


def _words(passed: bool | None) -> str:
    return {True: "✓ passed", False: "✗ failed", None: "? not judged"}[passed]


def _text(text: str, limit: int = MOST_TEXT) -> str:
    return bounded(strip_control(text), limit)
