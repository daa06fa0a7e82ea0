"""From the events of a stream to the rows of the events frame: one per event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.rows import Rows, ran_by
from polpo_lab.experiments.journal.lines import encoded
from polpo_lab.models import Event
from polpo_lab.verdicts import WireObject

_NOTHING: WireObject = {}
# They have columns of their own, so the payload leaves them out.
_IN_COLUMNS = frozenset({"attempt", "round", "at"})


class Told(NamedTuple):
    """An event as it stands on the wire: its id, its name, its payload."""

    id: int | None
    type: str
    payload: WireObject

    @classmethod
    def of(cls, event: Event) -> Told:
        """Spell a typed event as the wire does."""
        return cls(event.event_id, event.type, event.wire())


def add_events(rows: Rows, task: WireObject, events: Iterable[Told]) -> None:
    """Add a row for each event of one task's stream.

    Parameters
    ----------
    rows : Rows
    task : dict
        The task that the stream tells, to say who ran the round of each event.
    events : iterable of Told
        Oldest first.
    """
    rounds = ran_by(task)
    for event_id, name, payload in events:
        where = (payload.get("attempt"), payload.get("round", 0))
        rows.group(task, rounds.get(where, _NOTHING), 1)
        rows.add(
            {
                c.ATTEMPT: payload.get("attempt"),
                c.ROUND: payload.get("round"),
                c.EVENT: event_id,
                c.TYPE: name,
                c.AT: payload.get("at"),
                c.TEXT_COLUMN: payload.get("text") if name == "output" else None,
                c.TOOL: payload.get("tool") if name == "tool_use" else None,
                c.PAYLOAD: _rest_of(payload, name),
            }
        )


def _rest_of(payload: WireObject, name: str) -> str:
    hidden = _IN_COLUMNS | {"text"} if name == "output" else _IN_COLUMNS
    return encoded({k: v for k, v in payload.items() if k not in hidden}).decode()
