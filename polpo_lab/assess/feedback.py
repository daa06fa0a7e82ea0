"""Words for the agent's next round: what failed, and why. Pure.

A hidden check is told by name and verdict only, and by its number where the user gave
no name, since the name made up for it would be its command. Checks of role ``outcome``
are never mentioned.
"""

from __future__ import annotations

from collections.abc import Sequence

from polpo_lab.models import Check, Expectation, Outcome, UnknownExpectation

EVIDENCE_CHARACTERS = 4_000
FEEDBACK_CHARACTERS = 64 * 1024


def feedback_of(
    checks: Sequence[Check],
    expectations: Sequence[Expectation | UnknownExpectation],
    outcomes: Sequence[Outcome],
) -> str:
    """Say what an agent may know of an assessment.

    Parameters
    ----------
    checks : sequence of Check
        Those of one assessment; ``index`` points into ``expectations``.
    expectations : sequence of Expectation
        What the task was judged by: tells a name the user gave from one made up.
    outcomes : sequence of Outcome
        What became of the expected outcomes.

    Returns
    -------
    str
        One paragraph per failure, then one line each for what could not be judged and
        what passed. Empty when nothing was checked.
    """
    gates = [check for check in checks if check.role == "gate"]
    names = {check.index: _shown_name(check, expectations[check.index]) for check in gates}
    paragraphs = [_failed_check(c, names[c.index]) for c in gates if c.passed is False]
    paragraphs += [_failed_outcome(o) for o in outcomes if o.passed is False]
    for heading, verdict in (("Could not be judged", None), ("Passed", True)):
        listed = [names[c.index] for c in gates if c.passed is verdict]
        listed += [_outcome_name(o) for o in outcomes if o.passed is verdict]
        if listed:
            paragraphs.append(f"{heading}: {', '.join(listed)}.")
    text = "\n\n".join(paragraphs)
    if len(text) > FEEDBACK_CHARACTERS:
        text = text[:FEEDBACK_CHARACTERS] + " … (cut)"
    return text


def _shown_name(check: Check, expectation: Expectation | UnknownExpectation) -> str:
    given = getattr(expectation, "name", None)
    if check.hidden and not isinstance(given, str):
        return f"hidden {check.type} (expectation {check.index + 1})"
    return f"{check.name!r}"


def _failed_check(check: Check, name: str) -> str:
    optional = "" if check.required else " (not required)"
    if check.hidden:
        return f"Failed{optional}: {name}."
    lines = [f"Failed{optional}: {name}: {check.message}"]
    for reviewer in check.reviewers or ():
        if reviewer.error is None:
            lines += [
                f"  {reviewer.name}, {score.dimension} {score.score:g}: {score.reasoning}"
                for score in reviewer.scores
                if score.score is not None and score.reasoning
            ]
    if check.evidence:
        lines.append(_tail(check.evidence))
    return "\n".join(lines)


def _failed_outcome(outcome: Outcome) -> str:
    optional = "" if outcome.required else " (not required)"
    return f"Failed{optional}: {_outcome_name(outcome)}: {outcome.message}"


def _outcome_name(outcome: Outcome) -> str:
    called = outcome.name or outcome.path
    return f"expected {outcome.type} {called!r}" if called else f"expected {outcome.type}"


def _tail(text: str) -> str:
    if len(text) <= EVIDENCE_CHARACTERS:
        return text
    left_out = len(text) - EVIDENCE_CHARACTERS
    return f"… {left_out:,} characters left out …\n{text[-EVIDENCE_CHARACTERS:]}"
