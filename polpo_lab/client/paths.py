"""Paths of calls: ids quoted, and refused where they would address something else."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import one_line
from polpo_lab.models import Task


def task_path(task: Task | str, rest: str = "") -> str:
    """Return the path of a task, or of something of it.

    Examples
    --------
    >>> task_path("task_1", "/kill")
    '/tasks/task_1/kill'
    """
    return f"/tasks/{_quoted_id(task_id_of(task), 'task')}{rest}"


def approval_path(approval_id: str | None = None, verb: str = "") -> str:
    """Return the path of all approvals, or of what is done with one."""
    if approval_id is None:
        return "/approvals"
    return f"/approvals/{_quoted_id(approval_id, 'approval')}/{verb}"


def group_path(group: str, verb: str) -> str:
    """Return the path of what is done with a group."""
    return f"/groups/{_quoted_id(group, 'group')}/{verb}"


def task_id_of(task: Task | str) -> str:
    """Return a task's id, given the task or the id."""
    return task.id if isinstance(task, Task) else task


def _quoted_id(value: Any, what: str) -> str:
    # An empty or dotted id would address the collection, or something else altogether.
    if not isinstance(value, str) or value.strip() in ("", ".", ".."):
        raise InvalidArgument(
            f"{one_line(repr(value), 80)} is no {what}: pass its id, or the object you were given"
        )
    return quote(value, safe="", errors="surrogatepass")
