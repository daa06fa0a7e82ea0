"""From the typed events of a stream to the rows of the events frame: one per event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.rows import Rows, ran_by
from polpo_lab.models import Event, OutputEvent, ToolUseEvent
from polpo_lab.verdicts import WireObject

_NOTHING: WireObject = {}
# They have columns of their own, so the payload leaves them out.
_IN_COLUMNS = frozenset({"attempt", "round", "at"})


def add_events(rows: Rows, task: WireObject, events: Iterable[Event]) -> None:
    """Add a row for each event of one task's stream.

    Parameters
    ----------
    rows : Rows
    task : dict
        The task that the stream tells, to say who ran the round of each event.
    events : iterable of Event
        Oldest first.
    """
    rounds = ran_by(task)
    for event in events:
        payload = event.wire()
        where = (payload.get("attempt"), payload.get("round", 0))
        rows.group(task, rounds.get(where, _NOTHING), 1)
        rows.add(
            {
                c.ATTEMPT: event.attempt,
                c.ROUND: event.round,
                c.EVENT: event.event_id,
                c.TYPE: event.type,
                c.AT: payload.get("at"),
                c.TEXT_COLUMN: event.text if isinstance(event, OutputEvent) else None,
                c.TOOL: event.tool if isinstance(event, ToolUseEvent) else None,
                c.PAYLOAD: _payload(event, payload),
            }
        )


def _payload(event: Event, payload: dict[str, Any]) -> str:
    hidden = _IN_COLUMNS | {"text"} if isinstance(event, OutputEvent) else _IN_COLUMNS
    return orjson.dumps({k: v for k, v in payload.items() if k not in hidden}).decode()
