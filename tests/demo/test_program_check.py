"""The check that travels with each task: right answers pass, and nothing else does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from polpo_lab.demo import program_check
from polpo_lab.demo.program_check import compare, random_lists

REFERENCE = "def f(xs):\n    return sorted(xs)\n"
LISTS = [[3, 1, 2], [], [5], [2, 2, 1]]


def wrong(source: str, reference: str = REFERENCE, seconds: float = 20) -> list[str | None]:
    return [case[2] for case in compare(source, reference, LISTS, seconds)]


@pytest.mark.parametrize(
    "source",
    [
        "def f(xs):\n    return sorted(xs)\n",
        "def f(xs):\n    xs.sort()\n    return xs\n",
        "from collections import Counter\ndef f(xs):\n    return sorted(Counter(xs).elements())\n",
        "import itertools\nf = lambda xs: list(itertools.chain(sorted(xs)))\n",
        "class Sorter:\n    def run(self, xs):\n        return sorted(xs)\nf = Sorter().run\n",
        "print('hello')\ndef f(xs):\n    print(xs)\n    return sorted(xs)\n",
    ],
)
def test_right_programs_are_right_however_they_are_written(source):
    assert wrong(source) == [None] * len(LISTS)


def test_a_wrong_answer_is_told_beside_the_right_ones():
    assert wrong("def f(xs):\n    return xs\n") == ["[3, 1, 2]", None, None, "[2, 2, 1]"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise SystemExit(0)", "SystemExit"),
        ("import sys\nsys.exit(0)", "may import"),
        ("import os\nos._exit(0)", "may not use ._exit"),
        ("f = open('check/reference.py').read", "open"),
        ("exec('def f(xs): return sorted(xs)')", "exec"),
        ("import collections.abc as c\ndef f(xs):\n    return c.sys", "may import"),
        ("def f(xs):\n    return (x for x in xs).gi_frame", "may not use .gi_frame"),
        ("def f(xs):\n    return f.__globals__", "may not use .__globals__"),
        ("def f(xs):\n    return '{0.x}'.format(f)", "may not use .format"),
        ("def g(xs):\n    return xs", "'f'"),
        ("def f(xs)\n    return xs", "not Python"),
        ("def f(xs):\n    return f(xs)", "RecursionError"),
        ("def f(xs):\n    return None", "neither a number nor a list"),
        ("def f(xs):\n    return True", "neither a number nor a list"),
        ("def f(xs):\n    return tuple(sorted(xs))", "neither a number nor a list"),
        (
            (
                "class Same(list):\n    def __eq__(self, other):\n        return True\n"
                "def f(xs):\n    return Same()"
            ),
            "neither a number nor a list",
        ),
        ("def f(xs):\n    while True:\n        pass", "no end within 0.5 s"),
    ],
)
def test_what_is_no_answer_is_wrong_and_says_why(source, why):
    seconds = 0.5 if "while True" in source else 20
    for words in wrong(source, seconds=seconds):
        assert words is not None
        assert why in words


def test_the_program_cannot_change_the_list_that_is_compared():
    source = "def f(xs):\n    xs.clear()\n    return xs\n"
    assert wrong(source, "def f(xs):\n    return xs\n")[0] == "[]"


def test_random_lists_depend_on_their_seed_alone():
    assert random_lists("a", 20) == random_lists("a", 30)[:20]
    assert random_lists("a", 20) != random_lists("b", 20)
    lists = random_lists("shape", 2_000)
    assert {len(xs) for xs in lists} == set(range(9))
    assert {x for xs in lists for x in xs} == set(range(-9, 10))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the check's own files, as an assessment lays them out."""
    check = tmp_path / "check"
    check.mkdir()
    (check / "check.py").write_bytes(Path(program_check.__file__).read_bytes())
    (check / "reference.py").write_text(REFERENCE)
    (check / "cases.json").write_text(
        json.dumps({"examples": [[3, 1, 2]], "seed": "s", "random": 5})
    )
    return tmp_path


def run(workspace: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "check/check.py"],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_check_stands_alone_and_passes_the_right_program(workspace):
    (workspace / "solution.py").write_text(REFERENCE)
    ran = run(workspace)
    assert (ran.returncode, ran.stdout) == (0, "6 of 6 lists right\n")


def test_it_tells_the_first_wrong_answer_as_the_description_tells_examples(workspace):
    (workspace / "solution.py").write_text("def f(xs):\n    return xs\n")
    ran = run(workspace)
    assert ran.returncode == 1
    assert ran.stdout.startswith("f([3, 1, 2]) == [1, 2, 3], but yours gave [3, 1, 2]\n")


def test_no_program_is_a_failure(workspace):
    ran = run(workspace)
    assert ran.returncode == 1
    assert "there is no solution.py" in ran.stderr


def test_modules_of_the_workspace_do_not_stand_in_for_pythons(workspace):
    (workspace / "solution.py").write_text("def f(xs):\n    return xs\n")
    for name in ("random.py", "json.py", "subprocess.py", "check/json.py"):
        (workspace / name).write_text("raise SystemExit(0)\n")
    assert run(workspace).returncode == 1
