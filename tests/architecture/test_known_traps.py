"""What corrupts, hangs or loses data in notebooks and streams is not used, not even in a test.

Each was reproduced once; the reason stands beside it. What the traps break is tested where it
is done right: live streams in tests/server, cards in tests/notebook and tests/browser.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

EVERYWHERE = {
    "nest_asyncio": "it corrupts ipykernel 7; live things run on a thread with a loop of its own",
    "append_stdout": "an Output widget sends its whole text again each time",
    "ASGITransport": "it delivers a stream only when that has ended; serve on a real socket",
    "TestClient": "it delivers a stream only when that has ended; serve on a real socket",
}
# Where processes are started for agents, judges and checks.
STARTING = ("agents", "assess", "sandbox", "server")
# Lines of events and JSON end at a line feed; splitlines() also cuts at U+2028, U+0085 and more.
LINES_OF_THE_WIRE = (
    "client",
    "server",
    "notebook",
    "demo/suite.py",
    "recording.py",
    "agents/calls.py",
)
THIS = Path(__file__)


def names_in(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.ImportFrom | ast.Import):
            for alias in node.names:
                yield from ((part, node.lineno) for part in alias.name.split("."))
            if isinstance(node, ast.ImportFrom):
                yield from ((part, node.lineno) for part in (node.module or "").split("."))


def used(name: str, files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(REPOSITORY)}:{line}"
        for file in files
        for found, line in names_in(file)
        if found == name
    ]


@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_known_trap_is_not_used(name):
    files = [f for part in ("polpo_lab", "tests") for f in (REPOSITORY / part).rglob("*.py")]
    assert used(name, [f for f in files if f != THIS]) == [], EVERYWHERE[name]


def test_workers_are_programs_of_their_own():
    """A fork of a kernel with threads hangs, and its death takes no children along."""
    files = [f for part in STARTING for f in (REPOSITORY / "polpo_lab" / part).rglob("*.py")]
    assert used("multiprocessing", files) == []


def test_lines_of_the_wire_end_at_line_feeds_only():
    roots = [REPOSITORY / "polpo_lab" / part for part in LINES_OF_THE_WIRE]
    files = [f for root in roots for f in ([root] if root.is_file() else root.rglob("*.py"))]
    assert len(files) > 50
    assert used("splitlines", files) == []
