"""The five frames: tasks, attempts, checks, scores and events, as pandas tables.

From live tasks, from recorded streams, or from raw records (a journal, an exported
answer), with equal results. What each column means is in docs/frames.md, its name and
dtype in `polpo_lab.analysis.columns`. Nothing here fetches anything.
"""

from __future__ import annotations

import difflib
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import orjson
import pandas as pd

from polpo_lab.analysis.arrow_tables import table_of
from polpo_lab.analysis.building import frame_of
from polpo_lab.analysis.columns import FRAMES, FrameKind
from polpo_lab.analysis.event_rows import Told, add_events
from polpo_lab.analysis.rows import Rows, add_attempts, add_checks, add_task
from polpo_lab.analysis.score_rows import add_scores
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import Event, Task
from polpo_lab.recording import Recording
from polpo_lab.verdicts import WireObject

# How a task becomes rows of each kind. The events frame alone needs the stream itself.
ADD: Mapping[str, Callable[[Rows, WireObject], None]] = MappingProxyType(
    {"tasks": add_task, "attempts": add_attempts, "checks": add_checks, "scores": add_scores}
)

Stream = Recording | Sequence[Event]


def frame(kind: FrameKind, tasks: Iterable[Task]) -> pd.DataFrame:
    """Return one frame of tasks.

    Parameters
    ----------
    kind : {"tasks", "attempts", "checks", "scores"}
        Which frame. ``events`` needs recorded streams: `frame_from_recordings`.
    tasks : iterable of Task
        With their attempts (``lab.tasks.list(include_attempts=True)``); what they do not
        tell is missing, with the reason ``server_does_not_report``.

    Returns
    -------
    pandas.DataFrame
        All columns of its kind with their dtypes, also when there are no tasks.

    Raises
    ------
    InvalidArgument
        There is no such frame, or it cannot be had from tasks.

    Examples
    --------
    >>> frame("tasks", [Task(id="task_1", title="Hi", status="draft")])["missing_reason"].item()
    'not_finished'
    """
    _check_kind(kind, from_tasks=True)
    with collector_paused():
        rows = Rows(kind)
        for task in tasks:
            ADD[kind](rows, task.wire())
        return frame_of(kind, table_of(rows))


def frame_from_recordings(kind: FrameKind, recordings: Iterable[Stream]) -> pd.DataFrame:
    """Return one frame of tasks that were recorded; no server is needed.

    Parameters
    ----------
    kind : {"tasks", "attempts", "checks", "scores", "events"}
    recordings : iterable of (sequence of Event, or Recording)
        One for each task: its events, oldest first. A `Recording` keeps no events, so it
        serves for every frame but ``events``.

    Returns
    -------
    pandas.DataFrame
        Equal to that of `frame` for the same tasks.

    Raises
    ------
    InvalidArgument
        There is no such frame, or ``events`` was asked of a `Recording`.
    """
    _check_kind(kind, from_tasks=False)
    with collector_paused():
        rows = Rows(kind)
        for stream in recordings:
            if kind != "events":
                recording = stream if isinstance(stream, Recording) else Recording.of(stream)
                ADD[kind](rows, recording.task.wire())
            elif isinstance(stream, Recording):
                raise InvalidArgument(
                    "a Recording keeps no events; the events frame takes the lists of events"
                )
            else:
                add_events(rows, Recording.of(stream).task.wire(), map(Told.of, stream))
        return frame_of(kind, table_of(rows))


def frames_from_json(
    lines: Iterable[bytes | str], kinds: Sequence[FrameKind] = ("tasks",)
) -> dict[FrameKind, pd.DataFrame]:
    """Return several frames of raw task records, each line parsed once.

    Parameters
    ----------
    lines : iterable of bytes or str
        One task per line, as the server spells it (``GET /v1/tasks/{id}``); blank lines
        are passed over.
    kinds : sequence of {"tasks", "attempts", "checks", "scores"}

    Returns
    -------
    dict of str to pandas.DataFrame

    Raises
    ------
    InvalidArgument
        A kind is unknown, or a line is not a task; the message names the line.

    Notes
    -----
    The road for large logs: no model is built, and the garbage collector, which would
    look through all records again and again, is paused.
    """
    for kind in kinds:
        _check_kind(kind, from_tasks=True)
    with collector_paused():
        tables = {kind: Rows(kind) for kind in kinds}
        roads = [(ADD[kind], rows) for kind, rows in tables.items()]
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            task = _parsed(line, number)
            for add, rows in roads:
                add(rows, task)
        return {kind: frame_of(kind, table_of(rows)) for kind, rows in tables.items()}


def _parsed(line: bytes | str, number: int) -> WireObject:
    try:
        task = orjson.loads(line)
    except ValueError as error:
        raise InvalidArgument(f"line {number} is not JSON: {error}") from None
    if not isinstance(task, dict) or "id" not in task:
        raise InvalidArgument(f"line {number} is not a task: an object with an 'id' is needed")
    return task


def check_known(kind: str, known: Collection[str]) -> None:
    """Refuse what is no frame, naming those that are."""
    if kind not in known:
        near = difflib.get_close_matches(str(kind), known, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise InvalidArgument(f"there is no frame {kind!r};{hint} Known: {', '.join(known)}")


def _check_kind(kind: str, *, from_tasks: bool) -> None:
    check_known(kind, FRAMES)
    if from_tasks and kind == "events":
        raise InvalidArgument(
            "tasks do not carry their events; frame_from_recordings('events', streams) takes "
            "the recorded streams, such as [list(lab.tasks.follow(task))]"
        )


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking millions of fresh objects that all stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
