"""`timeline`: what happened when in one task: its rounds, their phases, their verdicts."""

from __future__ import annotations

from datetime import datetime

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from polpo_lab.models import Task
from polpo_lab.models.tasks import Attempt
from polpo_lab.plots.canvas import (
    MOST_ROWS,
    beside,
    canvas,
    explained,
    finished,
    height_of,
    ink,
    legend,
    no_data,
    rows_of,
)
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import as_drawn, counted, shortened
from polpo_lab.plots.marks import COLOURS

# Phase -> colour and hatch. The time between phases is that of queues.
PHASES = {
    "execution": (COLOURS[0], ""),
    "review": (COLOURS[4], "////"),
    "fix": (COLOURS[2], "...."),
}
OTHER = (COLOURS[3], "xxxx")
SHARE_SEEN = 0.004


def timeline(task: Task, *, ax: Axes | None = None) -> Axes:
    """Draw the life of one task: a row for each round, a bar for each of its phases.

    Parameters
    ----------
    task : Task
        With its attempts, as ``lab.tasks.get`` and ``exp.task`` return it.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        Seconds since the first round began; beside each round who ran it and its verdict. A
        round that still runs ends in an open bar.

    Raises
    ------
    InvalidArgument
        When it is given something else.

    Examples
    --------
    >>> from polpo_lab import plots
    >>> from polpo_lab.models import Task
    >>> times = {"startedAt": "2026-11-24T10:00:00.000Z", "endedAt": "2026-11-24T10:00:02.500Z"}
    >>> attempt = {"attempt": 1, "agent": "greeter", "exitReason": "ok", **times,
    ...            "phases": [{"phase": "execution", **times}]}
    >>> ax = plots.timeline(Task.model_validate({"id": "task_1", "attempts": [attempt]}))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['attempt 1']
    """
    task = given(task, Task, "timeline", "exp.task(...) or lab.tasks.get(...)")
    every = [each for each in task.attempts or [] if _spans(each)]
    rounds = every[:MOST_ROWS]
    ax = canvas(ax, width=8.0, height=height_of(len(rounds)))
    if not rounds:
        told = "the server does not tell them" if task.attempts is None else "nothing ran"
        return no_data(ax, f"no round has times; {told}")
    began = min(start for each in rounds for _, start, _ in _spans(each))
    moments = [end or start for each in rounds for _, start, end in _spans(each)]
    total = max((max(moments) - began).total_seconds(), 1e-3)
    for at, each in enumerate(rounds):
        for phase, start, end in _spans(each):
            _bar(ax, at, phase, (start - began).total_seconds(), _length(start, end), total)
        beside(ax, at, _verdict(each))
    rows_of(ax, [as_drawn(each.label) for each in rounds])
    ax.set_xlim(0, total * 1.02)
    hidden = len(every) - len(rounds)
    ax.set_xlabel(
        explained(
            ax,
            f"seconds since {began:%Y-%m-%d %H:%M:%S} UTC",
            f"{task.status}{f', {task.reason}' if task.reason else ''}",
            f"n = {counted(len(every), 'round')} of one task",
            "what lies between bars is waiting",
            f"last {counted(hidden, 'round')} not drawn" if hidden else "",
        )
    )
    ax.set_title(as_drawn(shortened(task.title or task.id, 44)), loc="left", fontsize="medium")
    seen = list(dict.fromkeys(phase for each in rounds for phase, _, _ in _spans(each)))
    samples = [_sample(ax, phase) for phase in seen]
    legend(ax, samples, [as_drawn(shortened(phase, 20)) for phase in seen], above=True)
    return finished(ax)


def _spans(each: Attempt) -> list[tuple[str, datetime, datetime | None]]:
    """Return the phases of a round; where a server tells none, the whole round as one."""
    if each.phases:
        return [(span.phase, span.started_at, span.ended_at) for span in each.phases]
    if each.started_at is None:
        return []
    return [("fix" if each.round else "execution", each.started_at, each.ended_at)]


def _length(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - start).total_seconds()


def _bar(ax: Axes, at: int, phase: str, start: float, length: float | None, total: float) -> None:
    colour, hatch = PHASES.get(phase, OTHER)
    if length is None:  # it still runs: how long it will take is not known
        ax.plot([start, total], [at, at], color=colour, linestyle=":", linewidth=3)
        return
    # A phase too short to be seen is still one that took place.
    ax.barh(
        at, max(length, SHARE_SEEN * total), left=start, height=0.55,
        color=colour, hatch=hatch, edgecolor=ink(ax), linewidth=0.6,
    )  # fmt: skip


def _sample(ax: Axes, phase: str) -> Patch:
    colour, hatch = PHASES.get(phase, OTHER)
    return Patch(facecolor=colour, hatch=hatch, edgecolor=ink(ax), linewidth=0.6)


def _verdict(each: Attempt) -> str:
    judged = each.assessment
    if each.exit_reason not in {None, "ok"}:
        told = shortened(each.exit_reason, 20)
    elif judged is None or judged.passed is None:
        told = "no verdict"
    else:
        score = "" if judged.score is None else f" {judged.score:.1f}"
        told = f"{'passed' if judged.passed else 'failed'}{score}"
    return f"{told} · {shortened(each.agent, 22)}" if each.agent else told
