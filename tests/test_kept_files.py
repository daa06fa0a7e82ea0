"""Kept files are a mapping that reads when looked at; two rounds' files can be compared."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from polpo_lab.errors import FilesNotAtHand
from polpo_lab.models import Attempt, KeptFile, KeptFiles, Task
from tests.recorded import Story

CONTENTS = {
    (1, 0): {"solution.py": b"def f(xs):\n    return xs\n"},
    (1, 1): {"solution.py": b"def f(xs):\n    return sorted(xs)\n"},
    (2, 0): {"solution.py": b"def f(xs):\n    return sorted(xs)\n"},
}


class Server:
    """Stands for what a client binds: it knows the bytes, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, str]] = []

    def read(self, attempt: int, round_: int, path: str) -> bytes:
        self.asked.append((attempt, round_, path))
        return CONTENTS[attempt, round_][path]


def attempts_of(task: Task) -> list[Attempt]:
    assert task.attempts is not None
    return task.attempts


def test_the_wire_array_comes_back_as_it_went() -> None:
    told = Story.rounds[0]
    read = Attempt.model_validate_json(json.dumps(told))
    assert read.files.entries[0].sha256 == "a" * 64
    assert read.wire()["files"] == told["files"]


def test_bound_files_read_what_is_looked_at_and_nothing_else() -> None:
    server = Server()
    task = Story.task().bind_files(server.read)
    first = attempts_of(task)[0]

    assert list(first.files) == ["solution.py"]
    assert "solution.py" in first.files
    assert first.files == Story.task().attempts[0].files  # type: ignore[index]
    assert server.asked == []
    assert first.files["solution.py"] == "def f(xs):\n    return xs\n"
    assert server.asked == [(1, 0, "solution.py")]
    assert first.files.read_bytes("solution.py").startswith(b"def")


def test_binding_leaves_the_task_it_was_called_on() -> None:
    task = Story.task()
    task.bind_files(Server().read)
    with pytest.raises(FilesNotAtHand, match=r"lab\.tasks\.get\(task\)"):
        attempts_of(task)[0].files["solution.py"]


def test_an_unknown_path_is_answered_with_the_nearest() -> None:
    files = attempts_of(Story.task())[0].files
    with pytest.raises(KeyError, match=r"did you mean 'solution\.py'"):
        files["soluton.py"]
    assert files.get("nothing like it") is None
    with pytest.raises(KeyError, match="kept no files"):
        KeptFiles()["a"]


def test_bytes_that_are_no_text_show_as_replacement_characters() -> None:
    files = KeptFiles([KeptFile(path="a.bin", size=2, sha256="x")], lambda path: b"\xff\x00")
    assert files["a.bin"] == "\ufffd\x00"
    assert files.read_bytes("a.bin") == b"\xff\x00"


def test_a_reader_does_not_travel() -> None:
    task = Story.task().bind_files(Server().read)
    there = pickle.loads(pickle.dumps(task))
    with pytest.raises(FilesNotAtHand):
        attempts_of(there)[0].files["solution.py"]
    assert copy.deepcopy(task) == task


def test_the_diff_of_two_rounds_reads_as_a_unified_diff() -> None:
    first, fix, _ = attempts_of(Story.task().bind_files(Server().read))
    diff = first.diff(fix)
    assert str(diff).split("\n") == [
        "attempt 1 -> attempt 1, fix 1: 1 changed, 0 added, 0 removed, 0 the same",
        "",
        "--- solution.py (attempt 1)",
        "+++ solution.py (attempt 1, fix 1)",
        "@@ -1,3 +1,3 @@",
        " def f(xs):",
        "-    return xs",
        "+    return sorted(xs)",
        " ",
    ]
    assert diff


def test_files_of_the_same_content_are_not_read() -> None:
    server = Server()
    _, fix, retry = attempts_of(Story.task().bind_files(server.read))
    diff = fix.diff(retry)
    assert not diff
    assert "1 file is the same" in str(diff)
    assert server.asked == []


def files(attempt: int, contents: dict[str, bytes]) -> Attempt:
    entries = [KeptFile(path=p, size=len(b), sha256=str(hash(b))) for p, b in contents.items()]
    return Attempt(attempt=attempt, files=KeptFiles(entries, contents.__getitem__))


def test_added_removed_and_unreadable_files_are_said() -> None:
    before = files(1, {"gone.txt": b"bye\n", "data.bin": b"\x00\x01", "same": b"s"})
    after = files(2, {"new.txt": b"hi\n", "data.bin": b"\x00\x02", "same": b"s"})
    diff = before.diff(after)

    assert (diff.added, diff.removed, diff.changed, diff.unchanged) == (
        ["new.txt"], ["gone.txt"], ["data.bin"], ["same"],
    )  # fmt: skip
    text = str(diff)
    assert "--- not there (attempt 1)\n+++ new.txt (attempt 2)" in text
    assert "+hi" in text
    assert "-bye" in text
    assert "not text (2 B -> 2 B)" in text


def test_a_huge_file_is_not_compared_by_line() -> None:
    big = files(1, {"log": b"x\n" * 1_000_000})
    assert "too large to compare by line" in str(big.diff(files(2, {"log": b""})))


def test_hostile_names_and_lines_are_harmless_in_html() -> None:
    evil = files(1, {"<b>\x1b[1m.txt": b"<script>\x1b[31m\n"})
    for page in (files(2, {}).diff(evil)._repr_html_(), evil.files._repr_html_()):
        assert "<script>" not in page
        assert "<b>" not in page
        assert "\x1b" not in page


def test_reprs_are_short_and_carry_no_address() -> None:
    task = Story.task()
    assert repr(task) == (
        "Task('task_000000000001', 'Sort a list', done, agent 'enumerator', score 4.5, "
        "2 attempts with 1 fix)"
    )
    retry = attempts_of(task)[2]
    assert (
        repr(retry) == "Attempt(attempt 2, escalated, agent 'deep', ok, passed, score 4.5, 1 file)"
    )
    assert (
        repr(retry.assessment) == "Assessment(passed, score 4.5, 2 of 2 gate checks passed, retry)"
    )
    assert retry.assessment is not None
    assert repr(retry.assessment.checks[0]) == (
        "Check('tests pass', test, passed, score 5, 'exit code 0')"
    )
    assert repr(retry.files) == "KeptFiles('solution.py' 24 B)"
