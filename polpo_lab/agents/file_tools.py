"""The file tools of model agents: a program that runs inside the sandbox. Run as a script, alone.

``python -I -S file_tools.py`` reads one request from standard input, ``{"tool": ...,
"arguments": {...}}``, works in the current folder, and prints ``{"output": ...}`` or
``{"error": ...}``. It runs behind the walls because a link, or a process that still
changes files, can lead nowhere there. It imports nothing of the package, to start fast.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PRIVATE_FOLDER = ".polpo"
MOST_CHARACTERS = 50_000
MOST_ENTRIES = 500
MOST_BYTES = 10 * 2**20
LINE_CHARACTERS = 500


class Refused(Exception):
    """Why a tool did not do it, in words for the model."""


def main() -> None:
    """Serve one request."""
    request = json.loads(sys.stdin.buffer.read())
    try:
        answer = {"output": TOOLS[request["tool"]](**request["arguments"])}
    except Refused as refused:
        answer = {"error": str(refused)}
    except OSError as error:
        answer = {"error": f"{error.strerror}: {error.filename!r}"}
    sys.stdout.buffer.write(json.dumps(answer).encode("utf-8", "replace"))


def read(path: str, first_line: int = 1, lines: int = 2000) -> str:
    """Return lines of a text file, and say what was left out."""
    text = _text_of(_inside(path))
    found = text.split("\n")
    start = max(first_line, 1) - 1
    shown = "\n".join(found[start : start + max(lines, 1)])
    left = len(found) - start - max(lines, 1)
    if len(shown) > MOST_CHARACTERS:
        shown = shown[:MOST_CHARACTERS]
        return f"{shown}\n[cut after {MOST_CHARACTERS:,} characters: ask for fewer lines]"
    return f"{shown}\n[{left} more lines]" if left > 0 else shown


def write(path: str, text: str) -> str:
    """Write a text file, with the folders it needs."""
    target = _inside(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="")
    return f"wrote {len(text):,} characters to {path}"


def edit(path: str, old: str, new: str) -> str:
    """Replace a text that occurs exactly once."""
    target = _inside(path)
    text = _text_of(target)
    count = text.count(old) if old else 0
    if count != 1:
        raise Refused(
            f"the old text occurs {count} times in {path}, it must occur once: "
            + ("copy it exactly from the file" if count == 0 else "take in more lines around it")
        )
    target.write_text(text.replace(old, new), encoding="utf-8", newline="")
    return f"edited {path}"


def list_files(path: str = ".") -> str:
    """List the files below a folder, with their sizes."""
    folder = _inside(path)
    if not folder.is_dir():
        raise Refused(f"{path} is no folder" if folder.exists() else f"there is no {path}")
    lines = [f"{_shown(file)} ({file.lstat().st_size:,} bytes)" for file in _files(folder)]
    return _listed(lines) or "no files"


def grep(pattern: str, path: str = ".", glob: str = "*") -> str:
    """Find the lines that a regular expression matches."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise Refused(f"the pattern is no regular expression: {error}") from None
    start = _inside(path)
    lines = []
    for file in [start] if start.is_file() else _files(start):
        if not fnmatch.fnmatch(file.name, glob) or file.lstat().st_size > MOST_BYTES:
            continue
        text = file.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.split("\n"), start=1):
            if expression.search(line):
                lines.append(f"{_shown(file)}:{number}: {line[:LINE_CHARACTERS]}")
                if len(lines) > MOST_ENTRIES:
                    return _listed(lines)
    return _listed(lines) or "no match"


TOOLS: dict[str, Callable[..., str]] = {
    "read": read,
    "write": write,
    "edit": edit,
    "list": list_files,
    "grep": grep,
}


def _inside(path: str) -> Path:
    """Return a path of the workspace, links followed as long as they stay inside."""
    root = os.path.realpath(".")
    if "\0" in path:
        raise Refused("a path holds no NUL")
    real = os.path.realpath(os.path.join(root, path))  # noqa: PTH118
    if real != root and not real.startswith(root + os.sep):
        raise Refused(f"{path} is outside of the workspace: use a path relative to it")
    if Path(real).relative_to(root).parts[:1] == (PRIVATE_FOLDER,):
        raise Refused(f"{PRIVATE_FOLDER}/ is the runner's own")
    return Path(real)


def _text_of(file: Path) -> str:
    if not file.is_file():
        raise Refused(f"there is no file {_shown(file)}")
    if file.stat().st_size > MOST_BYTES:
        raise Refused(f"{_shown(file)} is larger than {MOST_BYTES // 2**20} MiB")
    data = file.read_bytes()
    if b"\0" in data:
        raise Refused(f"{_shown(file)} is not text ({len(data):,} bytes)")
    return data.decode("utf-8", "replace")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, in order; links are not followed."""
    for current, folders, names in os.walk(folder):
        folders.sort()
        if PRIVATE_FOLDER in folders and os.path.samefile(current, "."):  # noqa: PTH121
            folders.remove(PRIVATE_FOLDER)
        for name in sorted(names):
            file = Path(current, name)
            if file.is_file() and not file.is_symlink():
                yield file


def _shown(file: Path) -> str:
    return os.path.relpath(file, os.path.realpath("."))


def _listed(lines: list[str]) -> str:
    text = "\n".join(lines[:MOST_ENTRIES])
    if len(text) > MOST_CHARACTERS:
        text = text[:MOST_CHARACTERS] + "\n[cut]"
    return f"{text}\n[and more]" if len(lines) > MOST_ENTRIES else text


if __name__ == "__main__":
    main()
