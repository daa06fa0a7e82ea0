"""What a model judge is shown of a round: its texts, each bounded, and which may be quoted.

Whatever an agent wrote is shown without the characters that hide or reorder text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from polpo_lab.assess.judging import WorkspaceFiles
from polpo_lab.assess.questions import Material
from polpo_lab.hostile_text import bounded, one_line, strip_control
from polpo_lab.models import Check

DESCRIPTION_CHARACTERS = 16_000
RESULT_CHARACTERS = 32_000
FILE_CHARACTERS = 16_000
ALL_FILES_CHARACTERS = 96_000
READ_BYTES = 4 * FILE_CHARACTERS  # what lies beyond is not looked at, and said to be there
FILES_LISTED = 200
CHECK_CHARACTERS = 4_000
_SEEN_BY_JUDGES = ("test", "script", "file_exists")


@dataclass(frozen=True)
class Exhibit:
    """One text that a judge is shown. ``of_result``: the agent made it, so it may be quoted."""

    title: str
    text: str
    of_result: bool = True


def exhibits_of(material: Material, own_files: frozenset[str]) -> list[Exhibit]:
    """Gather what a judge is shown. Reads files: call it in a thread."""
    view = material.view
    description = f"{view.title}\n\n{view.description}"
    content = material.result.content or ""
    return [
        Exhibit("task", _shown(description, DESCRIPTION_CHARACTERS), of_result=False),
        Exhibit("result", _shown(content, RESULT_CHARACTERS) or "(the agent handed in no text)"),
        *_files(WorkspaceFiles(material.workspace), own_files),
        *_checks(material),
    ]


def _files(files: WorkspaceFiles, own_files: frozenset[str]) -> Iterator[Exhibit]:
    paths = list(files)
    listed = [one_line(path, 200) for path in paths[:FILES_LISTED]]
    more = [f"… and {len(paths) - FILES_LISTED:,} more"] if len(paths) > FILES_LISTED else []
    yield Exhibit("file names", "\n".join([*listed, *more]) or "(there are no files)", False)
    room = ALL_FILES_CHARACTERS
    for path in paths[:FILES_LISTED]:
        if room <= 0:
            return
        try:
            text = files.beginning(path, READ_BYTES + 1)
        except (KeyError, OSError):  # gone meanwhile, or not for us to read
            continue
        name = f"file {one_line(path, 200)}"
        if "\0" in text or text.count("\N{REPLACEMENT CHARACTER}") > len(text) / 100 + 1:
            yield Exhibit(name, "(not text)", of_result=False)
            continue
        shown = _shown(text, min(FILE_CHARACTERS, room))
        room -= len(shown)
        if len(text.encode()) > READ_BYTES:
            shown += "\n[… the file goes on …]"
        yield Exhibit(name, shown, of_result=path not in own_files)


def _checks(material: Material) -> Iterator[Exhibit]:
    """Show checks that ran; of a hidden one its verdict, since agents read judges' reasons."""
    for check in material.checks:
        if check.type not in _SEEN_BY_JUDGES or check.role != "gate":
            continue
        words = {True: "passed", False: "failed", None: "could not be run"}[check.passed]
        if check.hidden:
            yield Exhibit(f"check {check.index + 1}", f"a hidden {check.type}: {words}", False)
        else:
            yield Exhibit(f"check {check.index + 1}", _in_words(check, words), of_result=False)


def _in_words(check: Check, verdict: str) -> str:
    text = f"{check.type} {check.name!r}: {verdict}: {check.message}\n{check.evidence or ''}"
    return _shown(text, CHECK_CHARACTERS)


def _shown(text: str, limit: int) -> str:
    return bounded(strip_control(text), limit)
