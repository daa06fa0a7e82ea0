"""After a server's death: what was running is interrupted, what waited is unqueued.

Nothing runs by itself after a restart: a person or a runner says what goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from polpo_lab.bounded_text import BoundedText
from polpo_lab.models import Attempt, Task, TaskResult
from polpo_lab.server.moves import Moves, now
from polpo_lab.server.store import Store

NAMED = 5


@dataclass
class Recovered:
    """What a start found unfinished."""

    interrupted: list[Task] = field(default_factory=list)
    unqueued: list[Task] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [
            f"{len(tasks)} {word}: {', '.join(f'{t.title!r} ({t.id})' for t in tasks[:NAMED])}"
            + (" …" if len(tasks) > NAMED else "")
            for word, tasks in (("interrupted", self.interrupted), ("unqueued", self.unqueued))
            if tasks
        ]
        return "; ".join(parts)


def recover(store: Store, moves: Moves) -> Recovered:
    """Bring every unfinished task into a state that waits for nobody.

    assigned, in_progress and review become failed, reason ``interrupted``; a queued
    pending task stays pending, unqueued; one that awaits approval is kept.
    """
    found = Recovered()
    for task in store.unfinished_tasks():
        if task.status == "pending":
            if task.queued:
                task.queued = False
                store.save_task(task)
                found.unqueued.append(task)
        elif task.status != "awaiting_approval":
            _interrupt(task, store, moves)
            found.interrupted.append(task)
    return found


def _interrupt(task: Task, store: Store, moves: Moves) -> None:
    rounds = store.rounds(task.id)
    record = rounds[-1] if rounds else None
    told = _close(task, record, store) if record is not None else {}
    moves.failed_attempt(task, "interrupted", "the server stopped while it ran", record)
    moves.come_to_rest(task, "failed", reason="interrupted", since=None, attempt=record, **told)


def _close(task: Task, record: Attempt, store: Store) -> dict[str, object]:
    """End the round's record; return what the stream is told of it."""
    moment = now()
    for span in record.phases:
        span.ended_at = span.ended_at or moment
    if record.exit_reason is not None:  # the agent had ended: only its review was cut off
        store.save_round(task.id, record)
        return {}
    text = BoundedText()
    for data in store.output_events(task.id, record.attempt, record.round):
        text.add(json.loads(data)["text"])
    record.exit_reason = "interrupted"
    record.ended_at = moment
    record.result = TaskResult(content=str(text) if text else None, truncated=text.truncated)
    task.result = record.result
    store.save_round(task.id, record)
    return {
        "exit_reason": record.exit_reason,
        "result": record.result,
        "files": record.files,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
    }
