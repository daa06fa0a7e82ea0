"""The rows of a board: what is shown of each task, what changed since, the static page. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.lifecycle import AT_REST, STATUSES
from polpo_lab.models import Task
from polpo_lab.notebook.card_summary import STATUS_WORDS
from polpo_lab.notebook.snapshot import score_text, table, verdict_text

SHOWN_TASKS = 1_000
SAVED_TASKS = 50


class BoardRows:
    """The newest tasks of a server, and how many there are in which state.

    Examples
    --------
    >>> rows = BoardRows()
    >>> changes = rows.take([Task(id="task_1", title="a", status="draft")])
    >>> [row["id"] for row in changes["rows"]], changes["counts"]
    (['task_1'], {'draft': 1})
    >>> rows.take([Task(id="task_1", title="a", status="draft")]) is None
    True
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._counts: dict[str, int] = {}
        self._total = 0

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._rows

    def __iter__(self) -> Any:
        return reversed(self._rows.values())

    @property
    def is_quiet(self) -> bool:
        """Whether no task is on its way."""
        return all(row["status"] in AT_REST or row["status"] == "draft" for row in self)

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks are in which state."""
        return self._counts

    @property
    def left_out(self) -> int:
        """How many tasks are too old for the board."""
        return self._total - len(self._rows)

    def take(self, tasks: list[Task]) -> dict[str, Any] | None:
        """Take the tasks as they are now, oldest first; return what changed, if anything."""
        counts = _counted(tasks)
        rows = {task.id: _row(task) for task in tasks[-SHOWN_TASKS:]}
        changed = [row for row in rows.values() if self._rows.get(row["id"]) != row]
        gone = [task_id for task_id in self._rows if task_id not in rows]
        self._rows, self._counts, self._total = rows, counts, len(tasks)
        if not changed and not gone:
            return None
        return {"rows": changed, "gone": gone, "counts": counts, "leftOut": self.left_out}

    def everything(self) -> dict[str, Any]:
        """Return all rows, for a page that opens now."""
        return {
            "rows": list(self._rows.values()),
            "counts": self._counts,
            "leftOut": self.left_out,
        }


def _counted(tasks: Iterable[Task]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.status] = counts.get(task.status, 0) + 1
    known = [status for status in STATUSES if status in counts]
    return {status: counts[status] for status in [*known, *sorted(counts.keys() - set(known))]}


def _row(task: Task) -> dict[str, Any]:
    verdict = task.assessment
    updated = task.updated_at or task.created_at
    return {
        "id": task.id,
        "title": one_line(task.title or "untitled", 140),
        "agent": one_line(task.assign_to, 60),
        "group": one_line(task.group or "", 60),
        "status": task.status,
        "statusText": STATUS_WORDS.get(task.status, one_line(task.status, 40)),
        "attempt": task.retries + 1,
        "passed": verdict.passed if verdict else None,
        "judged": verdict is not None,
        "score": verdict.score if verdict else None,
        "updated": None if updated is None else round(updated.timestamp() * 1000),
    }


def board_text(rows: BoardRows) -> str:
    """Return the board in one line."""
    counts = ", ".join(f"{n} {STATUS_WORDS.get(s, s)}" for s, n in rows.counts.items())
    return f"Tasks: {counts or 'none yet'}"


def board_page(rows: BoardRows) -> str:
    """Return the board's static page, the newest tasks first."""
    shown = list(rows)[:SAVED_TASKS]
    body = table(
        ["task", "state", "agent", "group", "attempt", "verdict", "score", "id"],
        [
            [
                row["title"],
                row["statusText"],
                row["agent"],
                row["group"],
                str(row["attempt"]),
                verdict_text(row["passed"], judged=row["judged"]),
                score_text(row["score"]),
                row["id"],
            ]
            for row in shown
        ],
    )
    more = sum(rows.counts.values()) - len(shown)
    note = f"<p><small>{more:,} more: lab.tasks.frame()</small></p>" if more else ""
    return f"<p><strong>{escape_html(board_text(rows))}</strong></p>{body}{note}"
