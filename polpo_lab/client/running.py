"""What ``run()`` of both clients shares: the task it creates, where it stops, what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polpo_lab.client import drafting
from polpo_lab.models import Event, StatusEvent, TaskCreate


def draft_run(
    agent: str, description: str, title: str | None, expect: Any, fields: Mapping[str, Any]
) -> TaskCreate:
    """Build the task of a one-line run; ``expect`` comes before further ``expectations``."""
    values: dict[str, Any] = {
        "title": drafting.title_from(description) if title is None else title,
        "description": description,
        "assign_to": agent,
        **fields,
    }
    if expect is not None:
        further = drafting.expectation_list(values.get("expectations"))
        values["expectations"] = [*drafting.expectation_list(expect), *further]
    return drafting.draft_task(None, values)


def awaits_approval(event: Event) -> bool:
    """Tell whether the task has come to wait for a person."""
    return isinstance(event, StatusEvent) and event.status == "awaiting_approval"


def still_running(task_id: str) -> str:
    """Return the note on an interrupted run."""
    return (
        f"The watching ended, the task goes on: tasks.get({task_id!r}) shows it, "
        f"tasks.kill({task_id!r}) ends it."
    )
