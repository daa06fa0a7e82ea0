"""Why a task is where it is, in plain words: the words behind ``task.why()``. Pure, no I/O.

A headline says what happened, findings say which checks failed with the last lines of
their evidence, the story says how each round went. All text of others is made safe here.
"""

from __future__ import annotations

from dataclasses import dataclass

from polpo_lab.explanation.findings import Finding, findings_of
from polpo_lab.explanation.headlines import headline_of
from polpo_lab.explanation.story import story_of
from polpo_lab.hostile_text import escape_html
from polpo_lab.models import Task

__all__ = ["Explanation", "Finding", "explain"]


@dataclass(frozen=True)
class Explanation:
    """What happened to a task, in words; prints as lines, shows itself in a notebook.

    Attributes
    ----------
    headline : str
        What happened, in a sentence or two, with what can be done.
    findings : tuple of Finding
        The checks and outcomes that did not pass in the round that decided.
    story : tuple of str
        A line for each round, oldest first, when there was more than one.
    """

    headline: str
    findings: tuple[Finding, ...] = ()
    story: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [self.headline]
        for finding in self.findings:
            lines.append(f"  - {finding.text}")
            lines += [f"      | {line}" for line in finding.evidence]
        if self.story:
            lines.append("How it went:")
            lines += [f"  {line}" for line in self.story]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def __contains__(self, text: str) -> bool:
        return text in str(self)

    def _repr_html_(self) -> str:
        parts = [f"<div><b>{escape_html(self.headline)}</b>"]
        if self.findings:
            parts.append(f"<ul>{''.join(map(_finding_html, self.findings))}</ul>")
        if self.story:
            rounds = "".join(f"<li>{escape_html(line)}</li>" for line in self.story)
            parts.append(f"How it went:<ul>{rounds}</ul>")
        return "".join([*parts, "</div>"])


def _finding_html(finding: Finding) -> str:
    evidence = escape_html("\n".join(finding.evidence))
    shown = f"<pre style='white-space:pre-wrap'>{evidence}</pre>" if evidence else ""
    return f"<li>{escape_html(finding.text)}{shown}</li>"


def explain(task: Task) -> Explanation:
    """Say in words how a task came to where it is.

    Parameters
    ----------
    task : Task
        With its attempts, when the server tells them; without, from its last assessment.
    """
    last = task.attempts[-1] if task.attempts else None
    return Explanation(
        headline_of(task, last), tuple(findings_of(task, last)), tuple(story_of(task))
    )
