"""Compares solution.py with a reference program on lists of whole numbers.

It stands alone: its text travels as a check's own file, and Python is all it needs.
Beside it lie reference.py and cases.json: {"examples": [lists], "seed": s, "random": n}.
The program to be judged runs in another process, which is told the lists and never the
right answers; what it prints, or an exit, is no answer. The reference is trusted.
"""

from __future__ import annotations

import ast
import builtins
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

SECONDS = 20  # a guard against programs that do not end, far from what any other one needs
SHOWN = 500
MODULES = ("collections", "functools", "itertools", "math")
BUILTINS = (
    "abs all any bool chr dict divmod enumerate filter float frozenset int isinstance iter "
    "len list map max min next ord pow range reversed round set slice sorted str sum tuple "
    "zip Exception IndexError KeyError StopIteration TypeError ValueError ZeroDivisionError "
    "__build_class__"
)
# Ways from a harmless value to the interpreter's insides.
INSIDES = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "mro", "format")


def random_lists(seed: str, count: int) -> list[list[int]]:
    """Return lists of 0 to 8 numbers from -9 to 9; random() alone is the same everywhere."""
    draw = random.Random(seed).random  # noqa: S311  (no secret)
    return [[int(draw() * 19) - 9 for _ in range(int(draw() * 9))] for _ in range(count)]


def compare(
    source: str, reference: str, lists: list[list[int]], seconds: float = SECONDS
) -> list[tuple[list[int], Any, str | None]]:
    """Return one (list, right answer, what the program gave in words or None if right) each."""
    known: dict[str, Any] = {}
    exec(reference, known)  # noqa: S102  (ours)
    wanted = [known["f"](list(xs)) for xs in lists]
    given = _ask(source, lists, seconds)
    return [
        (xs, want, None if got == {"value": want} else _in_words(got))
        for xs, want, got in zip(lists, wanted, given, strict=True)
    ]


def _in_words(got: dict[str, Any]) -> str:
    return str(got.get("value", got.get("error")))[:SHOWN]


def _ask(source: str, lists: list[list[int]], seconds: float) -> list[dict[str, Any]]:
    refused = _refusal(source)
    if refused:
        return [{"error": refused}] * len(lists)
    command = [sys.executable, "-I", "-S", __file__, "--answer"]
    sent = json.dumps([source, lists])
    try:
        ran = subprocess.run(
            command, input=sent, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return [{"error": f"no end within {seconds} s"}] * len(lists)
    try:
        given = json.loads(ran.stdout)
    except ValueError:
        given = []
    if not isinstance(given, list) or len(given) != len(lists):
        return [{"error": "the program took its process down"}] * len(lists)
    return given


def _refusal(source: str) -> str | None:
    """Say which rule of the task a program breaks; None if it keeps them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"not Python: {error}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith(INSIDES):
            return f"a program may not use .{node.attr}"
    return None


def _answer() -> None:
    """Run a program on lists, in the process made for it."""
    source, lists = json.load(sys.stdin)
    tell, sys.stdout = sys.stdout, None
    space: dict[str, Any] = {"__builtins__": _builtins(), "__name__": "solution"}
    try:
        exec(compile(source, "solution.py", "exec"), space)  # noqa: S102  (what it is for)
        f = space["f"]
    except BaseException as error:  # noqa: BLE001  (also an exit)
        given = [{"error": _raised(error)}] * len(lists)
    else:
        given = [_call(f, xs) for xs in lists]
    json.dump(given, tell)


def _builtins() -> dict[str, Any]:
    allowed = {name: getattr(builtins, name) for name in BUILTINS.split()}
    return {**allowed, "print": lambda *_, **__: None, "__import__": _import}


def _import(name: str, *_: Any) -> SimpleNamespace:
    if name not in MODULES:
        raise ImportError(f"a program may import {', '.join(MODULES)}, not {name}")
    module = __import__(name)
    public = {n: v for n, v in vars(module).items() if not n.startswith("_")}
    return SimpleNamespace(**{n: v for n, v in public.items() if not isinstance(v, ModuleType)})


def _call(f: Any, xs: list[int]) -> dict[str, Any]:
    try:
        value = f(list(xs))
        if type(value) is int or (type(value) is list and all(type(x) is int for x in value)):
            json.dumps(value)  # refuses numbers too long to be told
            return {"value": value}
    except BaseException as error:  # noqa: BLE001  (also an exit)
        return {"error": _raised(error)}
    return {"error": f"{type(value).__name__}, which is neither a number nor a list of numbers"}


def _raised(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:SHOWN]


def main() -> None:
    """Print the verdict and the first wrong answer; exit with 0 if all are right."""
    here = Path(__file__).parent
    cases = json.loads((here / "cases.json").read_text())
    lists = cases["examples"] + random_lists(cases["seed"], cases["random"])
    solution = Path("solution.py")
    if not solution.is_file():
        sys.exit("there is no solution.py")
    source = solution.read_text(encoding="utf-8", errors="replace")
    found = compare(source, (here / "reference.py").read_text(), lists)
    wrong = [case for case in found if case[2] is not None]
    for xs, want, got in wrong[:1]:
        print(f"f({xs}) == {want}, but yours gave {got}")  # noqa: T201
    print(f"{len(lists) - len(wrong)} of {len(lists)} lists right")  # noqa: T201
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    _answer() if "--answer" in sys.argv else main()
