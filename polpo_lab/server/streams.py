"""A task's stream for one reader: what is stored, then what comes, then its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

from polpo_lab.server.bus import Subscription, sse_frame
from polpo_lab.server.engine import Engine

REPLAY_BATCH = 200


async def event_stream(
    engine: Engine, task_id: str, after: int, *, follow: bool = True
) -> AsyncIterator[str]:
    """Yield SSE frames of a task's events with ids above ``after``.

    Ends after the last event once the task is at rest, or when the task is deleted or
    the server closes; without ``follow``, after what was told so far. A reader that leaves
    changes nothing for the task.
    """
    last = after
    with engine.bus.subscribe(task_id) as reader:
        reader.behind = True  # begin with what is stored
        while True:
            frames, last = _next_frames(engine, task_id, reader, last)
            if frames:
                yield frames
            elif not follow or _is_over(engine, task_id, last):
                return
            elif not await reader.wait(engine.settings.keep_alive_seconds):
                yield ": keep-alive\n\n"


def _next_frames(engine: Engine, task_id: str, reader: Subscription, last: int) -> tuple[str, int]:
    """Return the frames that are due after event ``last``, and the id of the last of them."""
    if reader.behind:
        stored = engine.store.events(task_id, last, REPLAY_BATCH)
        reader.behind = len(stored) == REPLAY_BATCH
        if stored:
            return "".join(map(sse_frame, stored)), stored[-1].id
    fresh = [(event_id, frame) for event_id, frame in reader.take() if event_id > last]
    if not fresh:
        return "", last
    return "".join(frame for _, frame in fresh), fresh[-1][0]


def _is_over(engine: Engine, task_id: str, last: int) -> bool:
    if engine.is_closing:
        return True
    return engine.is_over(task_id) and last >= engine.store.last_event_id(task_id)
