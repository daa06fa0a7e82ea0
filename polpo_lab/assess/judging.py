"""What a judge is shown of a result, and how its answer becomes plain values.

Light: judge workers import it at each run. Whether an answer is a legal score is
decided in `polpo_lab.assess.reviews`, outside of the worker.
"""

from __future__ import annotations

import inspect
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from polpo_lab.agents.view import TaskView
from polpo_lab.assess.score import Score

PRIVATE_FOLDER = ".polpo"
READ_LIMIT_BYTES = 64 * 2**20
LISTED_FILES_LIMIT = 100_000


class WorkspaceFiles(Mapping[str, str]):
    """The regular files of a workspace by path, read when asked for.

    Bytes that are not UTF-8 are read as U+FFFD; of a file above 64 MiB only the
    beginning. Symbolic links are not followed, so that no file from outside gets in.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def __iter__(self) -> Iterator[str]:
        paths = []
        for folder, subfolders, names in os.walk(self._workspace):
            inside = Path(folder).relative_to(self._workspace)
            if not inside.parts and PRIVATE_FOLDER in subfolders:
                subfolders.remove(PRIVATE_FOLDER)  # the runner's own
            paths += [(inside / n).as_posix() for n in names if _is_regular(Path(folder, n))]
            if len(paths) >= LISTED_FILES_LIMIT:
                break
        return iter(sorted(paths)[:LISTED_FILES_LIMIT])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._find(path) is not None

    def __getitem__(self, path: str) -> str:
        return self.beginning(path, READ_LIMIT_BYTES)

    def beginning(self, path: str, limit_bytes: int) -> str:
        """Return the text of a file, or of its first bytes."""
        found = self._find(path)
        if found is None:
            raise KeyError(path)
        with found.open("rb") as file:
            return file.read(limit_bytes).decode(errors="replace")

    def _find(self, path: str) -> Path | None:
        real = os.path.realpath(self._workspace)
        try:
            found = Path(real, path)
            # a path that any link or ".." bends is not where it says it is
            unbent = os.path.realpath(found) == str(found) and found.is_relative_to(real)
        except (OSError, ValueError):  # too long, a NUL: no such file
            return None
        return found if unbent and _is_regular(found) else None


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


class JudgedResult:
    """What an agent handed in, as a judge sees it.

    Attributes
    ----------
    content : str
        The returned text ("" when there was none).
    files : mapping of str to str
        The text of the workspace's files by path, read when asked for.
    workspace : pathlib.Path
        The folder itself, for judges that need bytes; read-only.
    """

    def __init__(self, content: str | None, workspace: Path) -> None:
        self.content = content or ""
        self.workspace = workspace
        self.files: Mapping[str, str] = WorkspaceFiles(workspace)


def plain_answer(answer: Any) -> dict[str, Any]:
    """Turn what a judge returned into JSON values, judging nothing: numbers stay as they are.

    A value of another type is told by its type, so that the refusal can name it.
    """
    if not isinstance(answer, Score):
        return {"score": _plain_number(answer), "reason": "", "dimensions": None}
    dimensions = answer.dimensions
    if isinstance(dimensions, Mapping):
        plain: Any = {str(name): _plain_pair(value) for name, value in dimensions.items()}
    else:
        plain = None if dimensions is None else _type_of(dimensions)
    return {
        "score": _plain_number(answer.score),
        "reason": str(answer.reason or ""),
        "dimensions": plain,
    }


def _plain_pair(value: Any) -> list[Any]:
    if isinstance(value, Score):
        return [_plain_number(value.score), str(value.reason or "")]
    if isinstance(value, (tuple, list)) and len(value) == 2:  # noqa: PLR2004  # (score, reason)
        return [_plain_number(value[0]), str(value[1] or "")]
    return [_plain_number(value), ""]


def _plain_number(value: Any) -> Any:
    """Return numbers, numpy's too, as float, None and bool as they are, else a type's name."""
    if value is None or isinstance(value, bool):
        return value
    if type(value).__name__ in ("bool", "bool_"):  # numpy's, which float() would take
        return bool(value)
    number = _as_float(value)
    if number is None:
        return _type_of(value)
    # JSON has no NaN and no infinity; the words are refused by name
    return number if abs(number) < float("inf") else repr(number)


def _as_float(value: Any) -> float | None:
    if isinstance(value, str) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _type_of(value: Any) -> str:
    return f"a {type(value).__name__}"


async def ask_judge(
    fn: Callable[..., Any], criterion: str, task: TaskView, result: JudgedResult
) -> dict[str, Any]:
    """Call a judge, sync or async, and return its plain answer."""
    answer = fn(criterion, task, result)
    if inspect.isawaitable(answer):
        answer = await answer
    return plain_answer(answer)
