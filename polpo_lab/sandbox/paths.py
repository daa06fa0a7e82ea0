"""Paths that come from users and agents: which are safe, and what they lead to in a workspace."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from polpo_lab.errors import UnsafePath

MAX_PATH_CHARACTERS = 1024
PRIVATE_FOLDER = ".polpo"


def safe_relative_path(path: str) -> PurePosixPath:
    """Return a path that stays inside the folder it is joined to.

    Parameters
    ----------
    path : str
        With forward slashes, relative.

    Raises
    ------
    UnsafePath
        Empty, absolute, with ``..``, NUL or backslash, too long, or in the private
        folder ``.polpo``.

    Examples
    --------
    >>> str(safe_relative_path("./src//a.py"))
    'src/a.py'
    >>> safe_relative_path("../secret")
    Traceback (most recent call last):
    ...
    polpo_lab.errors.UnsafePath: the path '../secret' leaves the workspace: '..' is not allowed
    """
    shown = repr(path if len(path) <= 80 else path[:80] + "…")  # noqa: PLR2004
    if "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        raise UnsafePath(f"the path {shown} has a NUL or a lone surrogate in it")
    if "\\" in path or re.match(r"[A-Za-z]:", path):
        raise UnsafePath(f"the path {shown} is not a POSIX path: use forward slashes, no drive")
    if path.startswith("/"):
        raise UnsafePath(f"the path {shown} is absolute: give it relative to the workspace")
    if len(path) > MAX_PATH_CHARACTERS:
        raise UnsafePath(f"the path {shown} is longer than {MAX_PATH_CHARACTERS} characters")
    safe = PurePosixPath(path)
    if ".." in safe.parts:
        raise UnsafePath(f"the path {shown} leaves the workspace: '..' is not allowed")
    if not safe.parts:
        raise UnsafePath(f"the path {shown} names no file")
    if safe.parts[0] == PRIVATE_FOLDER:
        raise UnsafePath(f"the path {shown} is in {PRIVATE_FOLDER}/, which is the runner's own")
    if any(len(part.encode()) > 255 for part in safe.parts):  # noqa: PLR2004  (NAME_MAX)
        raise UnsafePath(f"the path {shown} has a part of more than 255 bytes")
    return safe


def check_no_clash(paths: Iterable[str]) -> None:
    """Refuse files that cannot lie in one folder together.

    Parameters
    ----------
    paths : iterable of str
        Each of them safe by itself.

    Raises
    ------
    UnsafePath
        When two name the same file, or one is a file where another needs a folder.

    Examples
    --------
    >>> check_no_clash(["a.txt", "b/c.txt"])
    >>> check_no_clash(["a", "a/b"])
    Traceback (most recent call last):
    ...
    polpo_lab.errors.UnsafePath: 'a' cannot be a file: 'a/b' needs a folder of that name
    """
    given: dict[PurePosixPath, str] = {}
    for path in paths:
        safe = safe_relative_path(path)
        if safe in given:
            raise UnsafePath(f"{given[safe]!r} and {path!r} name the same file")
        given[safe] = path
    for safe, path in given.items():
        for folder in safe.parents:
            if folder in given:
                raise UnsafePath(
                    f"{given[folder]!r} cannot be a file: {path!r} needs a folder of that name"
                )


def resolve_inside(workspace: Path, path: str) -> Path | None:
    """Return the regular file that a path leads to, if it is inside the workspace.

    Parameters
    ----------
    workspace : pathlib.Path
    path : str
        Relative; symbolic links are followed as long as they stay inside.

    Returns
    -------
    pathlib.Path or None
        The file itself, free of links; None when there is no such file or it is outside.
    """
    try:
        real = Path(os.path.realpath(workspace / safe_relative_path(path), strict=True))
        inside = real.is_relative_to(os.path.realpath(workspace))
        return real if inside and stat.S_ISREG(real.stat().st_mode) else None
    except (OSError, UnsafePath):
        return None
