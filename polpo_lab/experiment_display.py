"""A run, watched until it is over: on its board in a notebook, in place on a terminal.

Where there is neither, a line now and then. An interrupt (Ctrl-C, the notebook's Stop) is
counted and not raised, so that it breaks off nothing half-way: the first stops the run
politely, the second leaves what runs to its server, a third one ends the waiting itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from polpo_lab.errors import WaitTimeout
from polpo_lab.experiments.progress import Snapshot
from polpo_lab.experiments.run import Run
from polpo_lab.experiments.telling import (
    budget_words,
    clock,
    cost_words,
    headings,
    pace_words,
    state_words,
)
from polpo_lab.experiments.trial import Condition
from polpo_lab.hostile_text import one_line
from polpo_lab.notebook.running import is_notebook

LOOK_SECONDS = 0.25
QUIET_SECONDS = 15.0
SHOWN_TROUBLES = 3
SHOWN_CONDITIONS = 24
_MOST_INTERRUPTS = 2
_SHARE_WIDTH = 12
_STYLES = {
    "passed": "blue",
    "failed": "dark_orange3",
    "missing": "yellow",
    "awaiting": "yellow",
    "running": "cyan",
    "todo": "dim",
}

Look = Callable[[], None]
Show = Callable[[Run, Console], AbstractContextManager[Look]]


def wait_and_show(run: Run, console: Console | None = None) -> Run:
    """Show a run until it is over, and return it."""
    out = console or Console()
    if is_notebook() and console is None:
        return _watched(run, out, _on_its_board)
    _watched(run, out, _updated_in_place if out.is_terminal else _line_by_line)
    out.print(escape(ending(run)), highlight=False, soft_wrap=True)
    return run


def _watched(run: Run, console: Console, show: Show) -> Run:
    with _interrupts() as heard, show(run, console) as look:
        acted = 0
        while not _is_over(run):
            if heard.count > acted:
                acted = heard.count
                run.stop(leave=acted >= _MOST_INTERRUPTS)
                if acted == 1 and show is not _on_its_board:
                    console.print(
                        "No further trial starts; waiting for those that run. "
                        "Interrupt again to leave them to their server."
                    )
            look()
    return run


def _is_over(run: Run) -> bool:
    try:
        run.wait(LOOK_SECONDS)
    except WaitTimeout:
        return False
    return True


@dataclass
class _Heard:
    """How often the user has interrupted."""

    count: int = 0


@contextmanager
def _interrupts() -> Iterator[_Heard]:
    """Count interrupts in place of being torn away by one; only the main thread gets any."""
    heard = _Heard()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(_number: int, _frame: FrameType | None) -> None:
        heard.count += 1
        if heard.count > _MOST_INTERRUPTS:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def ending(run: Run) -> str:
    """Say how a run ended, and what to do about what is left."""
    snapshot = run.snapshot()
    spent = f"{cost_words(snapshot)}, {clock(snapshot.seconds)}"
    lines = [f"{state_words(snapshot)}: {snapshot.words}; {spent}"]
    lines += [f"  {one_line(each, 300)}" for each in run.changes]
    lines += [f"  {t.count:,} x {t.message}" for t in snapshot.troubles[:SHOWN_TROUBLES]]
    if left := snapshot.counts["todo"] + snapshot.counts["missing"]:
        have = "trial has" if left == 1 else "trials have"
        lines.append(f"{left:,} {have} no result: run again, and only what is missing is run")
    return "\n".join(lines)


# ------------------------------------------------------------------ three ways to show it


@contextmanager
def _on_its_board(run: Run, _console: Console) -> Iterator[Look]:
    board = run.board()
    board.show_in_cell()
    yield lambda: None  # it follows the run by itself
    board.settle()


@contextmanager
def _updated_in_place(run: Run, console: Console) -> Iterator[Look]:
    with Live(
        run_panel(run, console.height), console=console, refresh_per_second=4, transient=True
    ) as live:
        yield lambda: live.update(run_panel(run, console.height))


@contextmanager
def _line_by_line(run: Run, console: Console) -> Iterator[Look]:
    told_at = time.monotonic()

    def look() -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= QUIET_SECONDS:
            told_at = time.monotonic()
            snapshot = run.snapshot()
            told = [snapshot.words, cost_words(snapshot), pace_words(snapshot)]
            console.print("; ".join(told), highlight=False, soft_wrap=True)

    console.print(
        f"{escape(run.plan.name)}: {len(run.todo):,} of {len(run.plan):,} trials to run",
        highlight=False,
        soft_wrap=True,
    )
    for each in run.changes:
        console.print(escape(f"  {one_line(each, 300)}"), highlight=False, soft_wrap=True)
    yield look


# ------------------------------------------------------------------ the panel of a terminal


def run_panel(run: Run, height: int = 40) -> Group:
    """Return the display of a run: counts, budget, pace, a row for each condition, troubles.

    Parameters
    ----------
    run : Run
    height : int
        Lines of the terminal: a display that is higher could not be updated in place.
    """
    snapshot = run.snapshot()
    counts = Text(f"{snapshot.ended:,} of {snapshot.planned:,} trials  ")
    for standing, style in _STYLES.items():
        if snapshot.counts[standing]:
            counts.append(f"{snapshot.counts[standing]:,} {standing}  ", style=style)
    bar = ProgressBar(total=max(snapshot.planned, 1), completed=snapshot.ended, width=60)
    troubles = snapshot.troubles[:SHOWN_TROUBLES]
    changes = run.changes[:1]
    room = max(3, min(SHOWN_CONDITIONS, height - 8 - len(troubles) - len(changes)))
    return Group(
        Text(f"{one_line(run.plan.name, 60)}: {state_words(snapshot)}", style="bold"),
        bar,
        counts,
        Text("; ".join([*_spent(snapshot), pace_words(snapshot)]), style="dim"),
        *_conditions(run, room),
        *(Text(one_line(each, 200), style="yellow", no_wrap=True) for each in changes),
        *(Text(f"{t.count:,} x {t.message}", style="yellow", no_wrap=True) for t in troubles),
    )


def _spent(snapshot: Snapshot) -> list[str]:
    limits = budget_words(snapshot)
    return [cost_words(snapshot), *(w for name, w in limits.items() if name != "cost")]


def _conditions(run: Run, room: int) -> list[Table | Text]:
    by_condition = _counts_by_condition(run)
    conditions = list(by_condition)
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("condition", no_wrap=True)
    for name in ("passed", "failed", "other", "running", "to do"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("share passed", no_wrap=True)
    for condition, heading in list(zip(conditions, headings(conditions), strict=True))[:room]:
        counts = by_condition[condition]
        table.add_row(
            escape(one_line(" · ".join(filter(None, heading)), 44)),
            *(_number(counts[name], _STYLES[name]) for name in ("passed", "failed")),
            _number(counts["missing"] + counts["awaiting"], _STYLES["missing"]),
            *(_number(counts[name], _STYLES[name]) for name in ("running", "todo")),
            _share(counts["passed"], counts["passed"] + counts["failed"]),
        )
    hidden = len(conditions) - room
    return [table, *([Text(f"… {hidden:,} more conditions", style="dim")] if hidden > 0 else [])]


def _counts_by_condition(run: Run) -> dict[Condition, Counter[str]]:
    total: dict[Condition, Counter[str]] = {each: Counter() for each in run.plan.conditions()}
    for (condition, _), counts in run.progress.cells.items():
        for standing in _STYLES:  # by name: the runner may be adding a standing right now
            total[condition][standing] += counts.get(standing, 0)
    return total


def _number(count: int, style: str) -> Text:
    return Text(f"{count:,}", style=style) if count else Text("·", style="dim")


def _share(passed: int, judged: int) -> Text:
    """Draw a share with the numbers it is of; nothing where nothing was judged."""
    if not judged:
        return Text("")
    filled = round(_SHARE_WIDTH * passed / judged)
    bar = Text("█" * filled, style=_STYLES["passed"])
    bar.append("░" * (_SHARE_WIDTH - filled), style=_STYLES["failed"])
    return bar.append(f" {passed:,} of {judged:,}", style="default")
