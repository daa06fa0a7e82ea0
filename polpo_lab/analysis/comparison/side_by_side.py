"""Two trials beside each other: verdicts, output, checks, and what differs in their files.

All of it is written by agents and judges: escaped, bounded, never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from polpo_lab.analysis.comparison.display import html_table
from polpo_lab.errors import FilesNotAtHand
from polpo_lab.hostile_text import bounded, escape_html, one_line, strip_control
from polpo_lab.models import Task
from polpo_lab.models.assessment import Check
from polpo_lab.models.files import KeptFiles
from polpo_lab.models.files_diff import FilesDiff, Side

MOST_OUTPUT = 4_000
MOST_MESSAGE = 300


class TrialReader(Protocol):
    """Whatever reads the tasks of trials, such as a recorded journal."""

    def task(self, trial_id: str) -> Task:
        """Return the task of a trial, the kept files of its attempts readable."""
        ...


@dataclass(frozen=True, repr=False)
class SideBySide:
    """Two trials of one template.

    Attributes
    ----------
    template : str
    a, b : Task
    label_a, label_b : str
        Condition and repeat of each.
    """

    template: str
    a: Task
    b: Task
    label_a: str
    label_b: str

    @property
    def diff(self) -> FilesDiff:
        """What differs between the files that their last rounds left."""
        return FilesDiff(
            Side(one_line(self.label_a, 60), _files(self.a)),
            Side(one_line(self.label_b, 60), _files(self.b)),
        )

    @property
    def checks(self) -> list[list[str]]:
        """Each check with its verdict and message in both, as rows of text."""
        sides = [_checks(task) for task in (self.a, self.b)]
        names = list(dict.fromkeys([*sides[0], *sides[1]]))
        return [[name, *(_verdict(side.get(name)) for side in sides)] for name in names]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"template {one_line(self.template)}"
        for label, task in self._labelled():
            yield f"== {one_line(label)}: {_state(task)}"
            yield from bounded(strip_control(_output(task)), MOST_OUTPUT).split("\n")
        yield "== checks"
        for name, *verdicts in self.checks:
            yield f"{name}: {' | '.join(verdicts)}"
        yield "== files"
        yield self._diff_text()

    def _labelled(self) -> tuple[tuple[str, Task], tuple[str, Task]]:
        return (self.label_a, self.a), (self.label_b, self.b)

    def _diff_text(self) -> str:
        try:
            return str(self.diff)
        except FilesNotAtHand as error:
            return f"files cannot be shown: {one_line(str(error), 300)}"

    def _repr_html_(self) -> str:
        cells = "".join(
            "<td style='vertical-align:top;text-align:left'>"
            f"<b>{escape_html(one_line(label))}</b><br>{escape_html(_state(task))}"
            f"<pre style='white-space:pre-wrap'>"
            f"{escape_html(bounded(_output(task), MOST_OUTPUT))}</pre></td>"
            for label, task in self._labelled()
        )
        headings = ["check", one_line(self.label_a), one_line(self.label_b)]
        return (
            f"<table><tr>{cells}</tr></table>{html_table(headings, self.checks)}{self._diff_html()}"
        )

    def _diff_html(self) -> str:
        try:
            return self.diff._repr_html_()
        except FilesNotAtHand:
            return f"<p>{escape_html(self._diff_text())}</p>"


def _files(task: Task) -> KeptFiles:
    return task.attempts[-1].files if task.attempts else KeptFiles()


def _state(task: Task) -> str:
    words = [task.status, *([task.reason] if task.reason else [])]
    if task.assessment is not None and task.assessment.score is not None:
        words.append(f"score {task.assessment.score:.2f}")
    if task.attempts:
        words.append(f"{task.attempts[-1].label}")
    return one_line(" · ".join(words))


def _output(task: Task) -> str:
    if task.result is None:
        return "(nothing was handed in)"
    return task.result.error or task.result.content or "(no text was handed in)"


def _checks(task: Task) -> dict[str, Check]:
    checks = task.assessment.checks if task.assessment is not None else []
    return {one_line(check.name or f"check {at}", 80): check for at, check in enumerate(checks)}


def _verdict(check: Check | None) -> str:
    if check is None:
        return "-"
    word = {True: "passed", False: "failed", None: "not judged"}[check.passed]
    said = check.error or check.message
    return f"{word}: {one_line(said, MOST_MESSAGE)}" if said else word
