"""From wire records of tasks to columns of plain lists: one class per kind of frame. No pandas.

A frame's rows come in groups (the rows of one round, or of one assessment) that share the
columns of `columns.COMMON`; those are kept once per group and repeated when the frame is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from polpo_lab.analysis import columns as c
from polpo_lab.verdicts import (
    COST_NOT_REPORTED,
    NOT_REPORTED,
    WireObject,
    assessments_of,
    moment,
    round_verdict,
    seconds_between,
    task_verdict,
    total,
)

_NOTHING: WireObject = {}
_ROUNDING_SECONDS = 0.05  # times on the wire are whole milliseconds


@dataclass
class Rows:
    """Columns under construction: own columns a value per row, shared ones a value per group."""

    kind: c.FrameKind
    own: dict[str, list[Any]] = field(init=False)
    shared: dict[str, list[Any]] = field(init=False)
    group_sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.own = {n: [] for n in c.FRAMES[self.kind] if n not in c.COMMON and n != c.PASSED_NUM}
        self.shared = {n: [] for n in (c.TEMPLATE, c.AGENT, c.AGENT_VERSION, c.MODEL, c.TASK_ID)}

    def group(self, task: WireObject, ran: WireObject, size: int, agent: str | None = None) -> None:
        """Name the task and the round that the next ``size`` rows belong to, and who ran it.

        ``agent`` stands for the round's own where a frame is about the task as a whole.
        """
        shared = self.shared
        shared[c.TEMPLATE].append(task.get("title") or None)
        shared[c.AGENT].append(agent or ran.get("agent") or task.get("assignTo") or None)
        shared[c.AGENT_VERSION].append(ran.get("agentVersion"))
        shared[c.MODEL].append(ran.get("model"))
        shared[c.TASK_ID].append(task.get("id"))
        self.group_sizes.append(size)

    def add(self, values: dict[str, Any]) -> None:
        """Append one row; every own column must be among the values."""
        for name, column in self.own.items():
            column.append(values[name])


def add_task(rows: Rows, task: WireObject) -> None:
    """Add the one row of a task."""
    rounds = task.get("attempts")
    first = rounds[0] if rounds else _NOTHING
    rows.group(task, first, 1, agent=task.get("assignTo"))
    passed, missing = task_verdict(task)
    result = task.get("result") or _NOTHING
    reason = task.get("reason")
    if task.get("status") == "done":
        reason = "ok"
    values = {
        c.STATUS: task.get("status"),
        c.EXIT_REASON: reason if task.get("status") in ("done", "failed") else None,
        c.PASSED: passed,
        c.SCORE: (task.get("assessment") or _NOTHING).get("score"),
        c.TITLE: task.get("title"),
        c.CONTENT: result.get("content"),
        c.ERROR: result.get("error"),
        c.JUDGE_COST: total([_usage(a, "cost") for a in assessments_of(task)]),
        **(_unreported_rounds(task) if rounds is None else _of_rounds(task, rounds)),
    }
    if missing is None and rounds is None:
        missing = NOT_REPORTED
    if missing is None and values[c.COST] is None:
        missing = COST_NOT_REPORTED
    values[c.MISSING_REASON] = missing
    values[c.COST_SOURCE] = None if values[c.COST] is None else _cost_source(rounds or ())
    rows.add(values)


def _cost_source(rounds: Sequence[WireObject]) -> str:
    """Say where a known cost comes from: who did not say is the agent itself."""
    sources = {_usage(r, "costSource") or "agent" for r in rounds}
    return sources.pop() if len(sources) == 1 else "mixed"


def _of_rounds(task: WireObject, rounds: list[WireObject]) -> dict[str, Any]:
    starts = [moment(r.get("startedAt")) for r in rounds]
    ends = [moment(r.get("endedAt")) for r in rounds]
    waits = [_usage(r, "waitingSeconds") for r in rounds]
    runs = [seconds_between(start, end) for start, end in zip(starts, ends, strict=True)]
    ran = total(runs)
    first = rounds[0] if rounds else None
    started = next((start for start in starts if start is not None), None)
    ended = _ended(task, rounds)
    fixes = sum(r.get("round", 0) > 0 for r in rounds)
    return {
        c.FIRST_PASSED: None
        if first is None
        else round_verdict(task, first, is_last=len(rounds) == 1)[0],
        c.ATTEMPTS: len({r.get("attempt") for r in rounds}),
        c.FIXES: fixes,
        c.ESCALATED: any(r.get("kind") == "escalated" for r in rounds),
        c.COST: total([_usage(r, "cost") for r in rounds]),
        c.WORKING_SECONDS: _worked(ran, sum(w or 0.0 for w in waits)),
        c.WAITING_SECONDS: total(waits),
        c.WALL_SECONDS: seconds_between(started, moment(ended)),
        c.TOKENS_IN: total([_usage(r, "tokensIn") for r in rounds]),
        c.TOKENS_OUT: total([_usage(r, "tokensOut") for r in rounds]),
        c.STARTED_AT: first.get("startedAt") if first else None,
        c.ENDED_AT: ended,
        c.SEED: first.get("seed") if first else None,
    }


def _worked(ran: float | None, waited: float) -> float | None:
    """Return the seconds of work: unknown where an agent says that it waited longer than it ran."""
    if ran is None or waited > ran + _ROUNDING_SECONDS:
        return None
    return max(ran - waited, 0.0)


def _unreported_rounds(task: WireObject) -> dict[str, Any]:
    """Return what is known of the rounds of a task whose server tells none of them."""
    values: dict[str, Any] = dict.fromkeys(
        (
            c.FIRST_PASSED, c.FIXES, c.ESCALATED, c.COST, c.WORKING_SECONDS, c.WAITING_SECONDS,
            c.WALL_SECONDS, c.TOKENS_IN, c.TOKENS_OUT, c.STARTED_AT, c.ENDED_AT,
        )
    )  # fmt: skip
    at_rest = task.get("status") in ("done", "failed")
    values[c.ATTEMPTS] = task.get("retries", 0) + 1 if at_rest else None
    values[c.SEED] = task.get("seed")
    return values


def _ended(task: WireObject, rounds: list[WireObject]) -> str | None:
    """Return when the work was over: the end of the last run, or of its first judgement."""
    if task.get("status") not in ("done", "failed") or not rounds:
        return None
    last = rounds[-1]
    assessment = last.get("assessment") or _NOTHING
    if assessment.get("trigger") == "reassess":
        assessment = next(
            (
                a
                for a in task.get("assessmentHistory") or ()
                if (a.get("attempt"), a.get("round")) == (last.get("attempt"), last.get("round"))
                and a.get("trigger") != "reassess"
            ),
            _NOTHING,
        )
    return assessment.get("at") or last.get("endedAt")


def add_attempts(rows: Rows, task: WireObject) -> None:
    """Add a row for each round of a task."""
    rounds = task.get("attempts") or []
    for position, told in enumerate(rounds):
        rows.group(task, told, 1)
        passed, missing = round_verdict(task, told, is_last=position == len(rounds) - 1)
        tokens = total([_usage(told, "tokensIn"), _usage(told, "tokensOut")])
        cost = _usage(told, "cost")
        rows.add(
            {
                c.ATTEMPT: told.get("attempt"),
                c.ROUND: told.get("round", 0),
                c.KIND: told.get("kind"),
                c.PASSED: passed,
                c.SCORE: (told.get("assessment") or _NOTHING).get("score"),
                c.EXIT_REASON: told.get("exitReason"),
                c.MISSING_REASON: missing or (COST_NOT_REPORTED if cost is None else None),
                c.COST: cost,
                c.TOKENS: tokens,
                c.SECONDS: seconds_between(
                    moment(told.get("startedAt")), moment(told.get("endedAt"))
                ),
                c.FILES: len(told.get("files") or ()) if told.get("endedAt") else None,
                c.FEEDBACK: told.get("feedback"),
            }
        )


def add_checks(rows: Rows, task: WireObject) -> None:
    """Add a row for each check of each assessment of a task."""
    rounds = ran_by(task)
    for number, assessment in enumerate(assessments_of(task), start=1):
        checks = assessment.get("checks") or ()
        where = (assessment.get("attempt"), assessment.get("round"))
        rows.group(task, rounds.get(where, _NOTHING), len(checks))
        for position, check in enumerate(checks):
            milliseconds = check.get("durationMs")
            rows.add(
                {
                    c.ATTEMPT: where[0],
                    c.ROUND: where[1],
                    c.CHECK: check.get("index", position),
                    c.NAME: check.get("name") or None,
                    c.TYPE: check.get("type") or None,
                    c.ROLE: check.get("role", "gate"),
                    c.HIDDEN: check.get("hidden", False),
                    c.REQUIRED: check.get("required", True),
                    c.WEIGHT: check.get("weight", 1.0),
                    c.THRESHOLD: check.get("threshold"),
                    c.PASSED: check.get("passed"),
                    c.SCORE: check.get("score"),
                    c.ASSESSMENT: number,
                    c.TRIGGER: assessment.get("trigger", "initial"),
                    c.JUDGE: _judges(check),
                    c.MESSAGE: check.get("message"),
                    c.EVIDENCE: check.get("evidence"),
                    c.ERROR: check.get("error"),
                    c.SECONDS: None if milliseconds is None else milliseconds / 1000,
                }
            )


def _judges(check: WireObject) -> str | None:
    names = dict.fromkeys(r.get("name") for r in check.get("reviewers") or ())
    return ", ".join(name for name in names if name) or None


def ran_by(task: WireObject) -> dict[tuple[Any, Any], WireObject]:
    """Return the rounds of a task by attempt and round, to say who ran what was judged."""
    return {(r.get("attempt"), r.get("round", 0)): r for r in task.get("attempts") or ()}


def _usage(told: WireObject, name: str) -> Any:
    usage = told.get("usage")
    return usage.get(name) if usage else None
