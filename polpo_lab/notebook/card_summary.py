"""What a card shows of a task, as plain values made from its recording. Pure; no widget, no HTML.

The live card and its static page are both drawn from these values, so they cannot differ.
Texts are bounded here and escaped where they are drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from polpo_lab.hostile_text import bounded, one_line
from polpo_lab.lifecycle import AT_REST, is_legal_call
from polpo_lab.models import Assessment, Attempt, Check, Reviewer, Task, ToolUseEvent

SHOWN_ATTEMPTS = 40
SHOWN_CHECKS = 100
SHOWN_TEXT = 2_000
SHOWN_TOOL_TEXT = 4_000

STATUS_WORDS = {
    "draft": "draft",
    "pending": "waiting in the queue",
    "assigned": "assigned",
    "in_progress": "in progress",
    "review": "in review",
    "done": "done",
    "failed": "failed",
    "awaiting_approval": "awaiting approval",
}
REASON_WORDS = {
    "expectations": "the checks did not pass",
    "crash": "the agent crashed",
    "timeout": "the agent ran out of time",
    "killed": "killed",
    "interrupted": "the server stopped meanwhile",
    "dependency": "a task it depends on failed",
    "judge_error": "a check could not be judged",
    "rejected": "rejected",
}


def legal_actions(task: Task) -> list[str]:
    """Name the actions that the server accepts now, in the order of the buttons."""
    actions = []
    # A task that failed is run again by Retry; Run is for one that never ran.
    if task.status in ("draft", "pending") and is_legal_call("execute", task.status, task.queued):
        actions.append("run")
    queued = task.queued or task.status != "pending"
    actions += [c for c in ("kill", "retry", "reassess") if is_legal_call(c, task.status, queued)]
    if task.status == "awaiting_approval":
        actions += ["approve", "reject"]
    return actions


def summarise(task: Task) -> dict[str, Any]:
    """Return the head of a card: state, times, attempt, reason, actions."""
    rounds = task.attempts or []
    current = rounds[-1] if rounds else None
    reason = task.reason if task.status in (*AT_REST, "awaiting_approval") else None
    return {
        "taskId": task.id,
        "title": one_line(task.title or "untitled", 160),
        "agent": one_line((current.agent if current else "") or task.assign_to, 80),
        "model": one_line((current.model if current else None) or "", 80),
        "kind": current.kind if current else "first",
        "status": task.status,
        "statusText": STATUS_WORDS.get(task.status, one_line(task.status, 40)),
        "phase": task.phase,
        "attempt": task.retries + 1,
        "round": current.round if current else 0,
        "maxRetries": task.max_retries,
        "reason": None if task.status == "done" else REASON_WORDS.get(reason or "", reason),
        "feedback": bounded(task.feedback, SHOWN_TEXT) if task.feedback else None,
        "passed": task.assessment.passed if task.assessment else None,
        "score": task.assessment.score if task.assessment else None,
        "since": _epoch_ms(_run_started(rounds)),
        "until": _epoch_ms(_run_ended(task, rounds)),
        "phases": [] if current is None else _phases(current),
        "result": _result(task),
        "actions": legal_actions(task),
        "approvalId": task.approval_id,
        "recorded": False,
        "again": f"Live: lab.watch({task.id!r})",
        "whole": f"the store keeps all: lab.tasks.follow({task.id!r})",
    }


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _run_started(rounds: list[Attempt]) -> datetime | None:
    return next((r.started_at for r in rounds if r.started_at), None)


def _run_ended(task: Task, rounds: list[Attempt]) -> datetime | None:
    if task.status not in AT_REST or not rounds:
        return None
    ends = [p.ended_at for p in rounds[-1].phases if p.ended_at]
    return ends[-1] if ends else rounds[-1].ended_at


def _phases(current: Attempt) -> list[dict[str, Any]]:
    return [
        {"phase": p.phase, "start": _epoch_ms(p.started_at), "end": _epoch_ms(p.ended_at)}
        for p in current.phases[-6:]
    ]


def _result(task: Task) -> dict[str, Any] | None:
    if task.result is None:
        return None
    return {
        "content": bounded(task.result.content or "", SHOWN_TEXT),
        "files": [one_line(path, 120) for path in task.result.files_created[:20]],
        "moreFiles": max(0, len(task.result.files_created) - 20),
        "error": bounded(task.result.error, SHOWN_TEXT) if task.result.error else None,
    }


def summarise_attempts(task: Task) -> list[dict[str, Any]]:
    """Return the rounds of a task, oldest first, the oldest left out beyond `SHOWN_ATTEMPTS`."""
    return [_attempt(a) for a in (task.attempts or [])[-SHOWN_ATTEMPTS:]]


def _attempt(attempt: Attempt) -> dict[str, Any]:
    seconds = None
    if attempt.started_at and attempt.ended_at:
        seconds = (attempt.ended_at - attempt.started_at).total_seconds()
    verdict = attempt.assessment
    return {
        "attempt": attempt.attempt,
        "round": attempt.round,
        "kind": attempt.kind,
        "agent": one_line(attempt.agent, 80),
        "exit": attempt.exit_reason,
        "passed": verdict.passed if verdict else None,
        "judged": verdict is not None,
        "score": verdict.score if verdict else None,
        "seconds": seconds,
        "feedback": bounded(attempt.feedback, SHOWN_TEXT) if attempt.feedback else None,
    }


def summarise_checks(assessment: Assessment | None) -> list[dict[str, Any]]:
    """Return the checks of an assessment with verdict, score and reviewers."""
    return [] if assessment is None else [_check(c) for c in assessment.checks[:SHOWN_CHECKS]]


def _check(check: Check) -> dict[str, Any]:
    tags = [
        tag
        for tag, holds in (
            ("outcome", check.role == "outcome"),
            ("optional", not check.required),
            ("hidden from the agent", check.hidden),
        )
        if holds
    ]
    return {
        "name": one_line(check.name or check.type, 200),
        "type": check.type,
        "passed": check.passed,
        "score": check.score,
        "threshold": check.threshold,
        "tags": tags,
        "message": bounded(check.error or check.message, SHOWN_TEXT),
        "evidence": bounded(check.evidence, SHOWN_TEXT) if check.evidence else None,
        "reviewers": [_reviewer(r) for r in (check.reviewers or [])[:20]],
    }


def _reviewer(reviewer: Reviewer) -> dict[str, Any]:
    return {
        "name": one_line(reviewer.name or f"reviewer {reviewer.index + 1}", 80),
        "score": reviewer.score,
        "text": bounded(reviewer.error or reviewer.reason or "", 600),
        "failed": reviewer.error is not None,
        "scores": [
            {"dimension": one_line(s.dimension, 60), "score": s.score} for s in reviewer.scores[:20]
        ],
    }


def summarise_tool(event: ToolUseEvent) -> dict[str, Any]:
    """Return a tool call as the log shows it, its texts bounded."""
    return {
        "tool": one_line(event.tool or "tool", 80),
        "input": _as_text(event.input),
        "output": _as_text(event.output),
        "error": bounded(event.error, SHOWN_TOOL_TEXT) if event.error else None,
        "ms": event.duration_ms,
    }


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return bounded(text, SHOWN_TOOL_TEXT)


def round_heading(attempt: int, round_: int, kind: str, agent: str, model: str | None) -> str:
    """Say in one line which round begins.

    Examples
    --------
    >>> round_heading(2, 0, "escalated", "deep", None)
    'attempt 2 · escalated · deep'
    """
    words = [f"attempt {attempt}"]
    words += [f"fix {round_}"] if round_ else [] if kind == "first" else [kind]
    words += [one_line(w, 60) for w in (agent, model) if w]
    return " · ".join(words)


def code_for(task_id: str, actions: Iterable[str], approval_id: str | None = None) -> str:
    """Return the Python that does what the buttons do.

    Examples
    --------
    >>> print(code_for("task_1", ["kill"]))
    lab.watch('task_1')  # this card
    lab.tasks.kill('task_1')
    """
    calls = {
        "run": f"lab.tasks.execute({task_id!r})",
        "kill": f"lab.tasks.kill({task_id!r})",
        "retry": f"lab.tasks.retry({task_id!r})",
        "reassess": f"lab.tasks.reassess({task_id!r})",
        "approve": f"lab.approvals.approve({approval_id!r})",
        "reject": f"lab.approvals.reject({approval_id!r}, feedback='...')",
    }
    return "\n".join(
        [f"lab.watch({task_id!r})  # this card", *(calls[action] for action in actions)]
    )
