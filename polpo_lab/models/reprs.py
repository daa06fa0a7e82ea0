"""How tasks, attempts, assessments and checks show themselves: short, bounded, no addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polpo_lab.hostile_text import escape_html, one_line

if TYPE_CHECKING:
    from polpo_lab.models.assessment import Assessment, Check
    from polpo_lab.models.tasks import Attempt, Task

_MOST_ROWS = 20


def task_repr(task: Task) -> str:
    """Return one line: id, title, status, how it went."""
    parts = [repr(task.id), repr(one_line(task.title, 60)), status_words(task)]
    if task.assign_to:
        parts.append(f"agent {one_line(task.assign_to, 40)!r}")
    if task.assessment is not None:
        parts.append(f"score {number(task.assessment.score)}")
    if task.attempts:
        parts.append(_counted(task.attempts))
    return f"Task({', '.join(parts)})"


def attempt_repr(attempt: Attempt) -> str:
    """Return one line: which round, by whom, how it ended."""
    parts = [attempt.label, attempt.kind]
    if attempt.agent:
        parts.append(f"agent {one_line(attempt.agent, 40)!r}")
    parts.append(attempt.exit_reason or ("running" if attempt.started_at else "not started"))
    if attempt.assessment is not None:
        parts.append(verdict_word(attempt.assessment.passed))
        parts.append(f"score {number(attempt.assessment.score)}")
    if attempt.files:
        parts.append(_plural(len(attempt.files), "file"))
    return f"Attempt({', '.join(parts)})"


def assessment_repr(assessment: Assessment) -> str:
    """Return one line: the verdict, the score and how many checks passed."""
    gates = [c for c in assessment.checks if c.role == "gate"]
    passed = sum(c.passed is True for c in gates)
    parts = [verdict_word(assessment.passed), f"score {number(assessment.score)}"]
    if gates:
        parts.append(f"{passed} of {_plural(len(gates), 'gate check')} passed")
    parts.append(one_line(assessment.trigger, 20))
    return f"Assessment({', '.join(parts)})"


def check_repr(check: Check) -> str:
    """Return one line: what was checked, the verdict and its message."""
    parts = [repr(one_line(check.name, 60)), one_line(check.type, 20), verdict_word(check.passed)]
    if check.score is not None:
        parts.append(f"score {number(check.score)}")
    if check.error or check.message:
        parts.append(repr(one_line(check.error or check.message, 80)))
    return f"Check({', '.join(part for part in parts if part)})"


def task_html(task: Task) -> str:
    """Return a small static page of the task: its state, and a row for each round."""
    head = (
        f"<div><b>{escape_html(one_line(task.title, 120))}</b> "
        f"<code>{escape_html(one_line(task.id, 60))}</code><br>"
        f"{escape_html(status_words(task))}"
        + (f" · agent {escape_html(one_line(task.assign_to, 60))}" if task.assign_to else "")
        + "</div>"
    )
    rounds = task.attempts or []
    if not rounds:
        return head
    names = ("attempt", "kind", "agent", "ended", "verdict", "score", "files")
    titles = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(map(_round_row, rounds[-_MOST_ROWS:]))
    if len(rounds) > _MOST_ROWS:
        left_out = len(rounds) - _MOST_ROWS
        rows = f"<tr><td colspan={len(names)}>… {left_out} earlier rounds</td></tr>" + rows
    return f"{head}<table><tr>{titles}</tr>{rows}</table>"


def _round_row(attempt: Attempt) -> str:
    assessment = attempt.assessment
    cells = (
        attempt.label.removeprefix("attempt "),
        attempt.kind,
        attempt.agent,
        attempt.exit_reason or "",
        verdict_word(assessment.passed) if assessment else "",
        number(assessment.score) if assessment else "",
        ", ".join(list(attempt.files)[:5]),
    )
    return "<tr>" + "".join(f"<td>{escape_html(one_line(c, 80))}</td>" for c in cells) + "</tr>"


def status_words(task: Task) -> str:
    """Return the status with its reason or phase: ``failed (timeout)``, ``review``."""
    beside = task.reason or (task.phase if task.phase != task.status else None)
    status = one_line(task.status, 40)
    return f"{status} ({one_line(beside, 40)})" if beside else status


def verdict_word(passed: bool | None) -> str:
    """Return ``passed``, ``failed`` or ``not judged``."""
    return "not judged" if passed is None else "passed" if passed else "failed"


def number(value: float | None) -> str:
    """Return a score with two digits at most; unknown is ``unknown``, never 0."""
    return "unknown" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _counted(attempts: list[Attempt]) -> str:
    fixes = sum(a.round > 0 for a in attempts)
    words = _plural(len({a.attempt for a in attempts}), "attempt")
    return words + (f" with {_plural(fixes, 'fix', 'es')}" if fixes else "")


def _plural(count: int, noun: str, ending: str = "s") -> str:
    return f"{count} {noun}{'' if count == 1 else ending}"
