"""A run, watched in a terminal until it is over; Ctrl-C stops it politely.

One display that is updated in place; a line now and then where there is no terminal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from polpo_lab.errors import WaitTimeout
from polpo_lab.experiments.progress import Snapshot
from polpo_lab.experiments.run import Run

LOOK_SECONDS = 0.25
QUIET_SECONDS = 15.0
SHOWN_TROUBLES = 3
_STYLES = {"passed": "green", "failed": "red", "missing": "yellow", "running": "cyan"}


def wait_and_show(run: Run, console: Console | None = None) -> Run:
    """Show a run until it is over, and return it.

    The first interrupt stops it politely, the second leaves what runs to its server.
    """
    console = console or Console()
    show = _updated_in_place if console.is_terminal else _line_by_line
    with show(run, console) as look:
        while True:
            try:
                run.wait(LOOK_SECONDS)
                break
            except WaitTimeout:
                look()
            except KeyboardInterrupt:
                if run.snapshot().state == "stopping":
                    run.stop(leave=True)
                else:
                    run.stop()
                    console.print(
                        "No further trial starts; waiting for those that run. "
                        "Interrupt again to leave them to their server."
                    )
    console.print(ending(run))
    return run


def ending(run: Run) -> str:
    """Say how a run ended, and what to do about what is left."""
    snapshot = run.snapshot()
    lines = [f"{snapshot.state}: {snapshot.words}; {_cost(snapshot)}, {_clock(snapshot.seconds)}"]
    lines += [f"  {t.count} x {t.message}" for t in snapshot.troubles[:SHOWN_TROUBLES]]
    left = snapshot.counts["todo"] + snapshot.counts["missing"]
    if left:
        lines.append(f"{left:,} trials have no result: run again, and only these are run")
    return "\n".join(lines)


@contextmanager
def _updated_in_place(run: Run, console: Console) -> Iterator[Callable[[], None]]:
    with Live(
        _panel(run.snapshot()), console=console, refresh_per_second=4, transient=True
    ) as live:
        yield lambda: live.update(_panel(run.snapshot()))


@contextmanager
def _line_by_line(run: Run, console: Console) -> Iterator[Callable[[], None]]:
    told_at = time.monotonic()

    def look() -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= QUIET_SECONDS:
            told_at = time.monotonic()
            snapshot = run.snapshot()
            console.print(f"{snapshot.words}; {_cost(snapshot)}; {_left(snapshot)}")

    console.print(f"{run.plan.name}: {len(run.todo):,} of {len(run.plan):,} trials to run")
    yield look


def _panel(snapshot: Snapshot) -> Group:
    counts = Text(f"{snapshot.ended:,} of {snapshot.planned:,} trials  ")
    for standing, style in _STYLES.items():
        if snapshot.counts[standing]:
            counts.append(f"{snapshot.counts[standing]:,} {standing}  ", style=style)
    about = Text(
        f"{snapshot.state}, {snapshot.limit} at once; {_cost(snapshot)}; {_left(snapshot)}",
        style="dim",
    )
    troubles = [
        Text(f"{t.count} x {t.message}", style="yellow") for t in snapshot.troubles[:SHOWN_TROUBLES]
    ]
    bar = ProgressBar(total=snapshot.planned, completed=snapshot.ended, width=60)
    return Group(bar, counts, about, *troubles)


def _cost(snapshot: Snapshot) -> str:
    unknown = f" and {snapshot.unpriced:,} that told none" if snapshot.unpriced else ""
    return f"cost {snapshot.cost:.4g}{unknown}"


def _left(snapshot: Snapshot) -> str:
    if math.isnan(snapshot.per_minute):
        return "no trial has ended yet"
    return f"{snapshot.per_minute:.3g} a minute, about {_clock(snapshot.seconds_left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
