"""What was found wrong in the round that decided: failed checks and outcomes, with evidence."""

from __future__ import annotations

from dataclasses import dataclass

from polpo_lab.hostile_text import last_lines, one_line
from polpo_lab.models import Attempt, Check, Outcome, Task
from polpo_lab.models.reprs import number

_MOST_FINDINGS = 12
_EVIDENCE_LINES = 6


@dataclass(frozen=True)
class Finding:
    """One thing that was found wrong, with the last lines of what proves it."""

    text: str
    evidence: tuple[str, ...] = ()


def findings_of(task: Task, last: Attempt | None) -> list[Finding]:
    """Return what did not pass in the last round; nothing of an earlier one."""
    assessment = last.assessment if last and last.assessment else task.assessment
    found: list[Finding] = []
    result = (last.result if last else None) or task.result
    if result is not None and result.error:
        lines = tuple(last_lines(result.error, _EVIDENCE_LINES))
        found.append(Finding("what the agent's end says:", lines))
    if last is not None and last.assessment is None and last.exit_reason not in (None, "ok"):
        return found  # the round was never judged: an older verdict is not its own
    checks = assessment.checks if assessment else []
    found += [_check_finding(check) for check in checks if check.passed is not True]
    outcomes = (last.outcomes if last else None) or task.outcomes or []
    found += [_outcome_finding(o) for o in outcomes if o.passed is not True and o.required]
    if len(found) > _MOST_FINDINGS:
        left_out = len(found) - _MOST_FINDINGS
        found = [*found[:_MOST_FINDINGS], Finding(f"… and {left_out} more")]
    return found


def _check_finding(check: Check) -> Finding:
    name = repr(one_line(check.name or f"check {check.index}", 100))
    kind = f"{one_line(check.type, 20)}, " if check.type else ""
    apart = "counted apart" if check.role == "outcome" else None if check.required else "optional"
    beside = f" ({kind}{apart})" if apart else f" ({kind[:-2]})" if kind else ""
    if check.passed is None:
        words = f"could not be judged: {one_line(check.error or check.message or 'no reason', 300)}"
    else:
        words = f"failed{_against_threshold(check)}"
        if check.message:
            words += f": {one_line(check.message, 300)}"
    return Finding(f"check {name}{beside} {words}", _evidence(check))


def _against_threshold(check: Check) -> str:
    if check.score is None or check.threshold is None:
        return ""
    return f" with score {number(check.score)}, {number(check.threshold)} needed"


def _evidence(check: Check) -> tuple[str, ...]:
    if check.evidence:
        return tuple(last_lines(check.evidence, _EVIDENCE_LINES))
    reviewers = check.reviewers or []
    lines = []
    for reviewer in reviewers[:_EVIDENCE_LINES]:
        who = one_line(reviewer.name or f"reviewer {reviewer.index}", 40)
        score = "failed:" if reviewer.error else number(reviewer.score)
        said = reviewer.error or reviewer.reason or ""
        lines.append(f"{who}: {score} {one_line(said, 160)}".rstrip())
    return tuple(lines)


def _outcome_finding(outcome: Outcome) -> Finding:
    name = repr(one_line(outcome.name or outcome.path or outcome.type, 100))
    verdict = "could not be judged" if outcome.passed is None else "is not there"
    words = f": {one_line(outcome.message, 300)}" if outcome.message else ""
    return Finding(f"expected outcome {name} ({one_line(outcome.type, 20)}) {verdict}{words}")
