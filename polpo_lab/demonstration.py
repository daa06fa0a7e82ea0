"""``polpo-lab demo``: five real agents at work on an embedded Polpo, shown in the terminal.

On a terminal one display is updated in place; elsewhere each task that ends is a line.
What is counted at the end is computed from the tasks as the server has them.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from scipy.stats import binomtest

from polpo_lab.client import AsyncPolpo
from polpo_lab.demo import AGENT_NAMES
from polpo_lab.demo.solved import spread
from polpo_lab.experiments.suite import Suite
from polpo_lab.experiments.template import Template
from polpo_lab.hostile_text import one_line
from polpo_lab.lab import Lab, connect
from polpo_lab.models import Event, OutputEvent, Task, TaskCreate
from polpo_lab.recording import Recording
from polpo_lab.seeding import mixed_seed

DATA_FOLDER = ".polpo-lab/demo"
SHOWN_LINES = 8
WAITS = Text("·", style="dim")
LEGEND = "✓ passed, with its score  ✗ failed  ▸ attempt.round  ? in review  · waits"
REFRESH_PER_SECOND = 10


def demonstrate(*, templates: int = 12, data: str | None = None, seed: int = 1) -> None:
    """Run a slice of the suite with every agent, and show it.

    Parameters
    ----------
    templates : int
        How many templates, spread over families from easy to hard.
    data : str, optional
        Data folder; ``.polpo-lab/demo`` by default.
    seed : int
        Seed of every agent's search; the same seed gives the same verdicts.
    """
    console = Console()
    with connect(data=data or DATA_FOLDER, concurrency=max(2, os.cpu_count() or 2)) as lab:
        lab.join_demonstration()
        health = lab.health()
        chosen = spread(Suite.load("list-functions"), templates)
        console.print(f"[bold]polpo-lab[/] serves an embedded Polpo at {lab.url}")
        console.print(f"sandbox: {health.sandbox_description}")
        console.print(
            f"{len(chosen)} templates x {len(AGENT_NAMES)} agents; each task may be fixed once "
            f"and retried once; seed {seed}\n"
        )
        show = _Show([t.title for t in chosen], list(AGENT_NAMES))
        asyncio.run(_run_all(lab, chosen, seed, show, console))
        console.print(_verdicts(lab, show))
        console.print(_where_next(lab, show), markup=False, highlight=False, soft_wrap=True)


@dataclass
class _Show:
    """What has been seen so far: a recording for each cell, and the newest output."""

    titles: list[str]
    agents: list[str]
    cells: dict[tuple[str, str], Recording] = field(default_factory=dict)
    lines: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=SHOWN_LINES))
    began: float = field(default_factory=monotonic)

    def take(self, title: str, agent: str, event: Event) -> None:
        """Take one event of a task."""
        self.cells[title, agent].apply(event)
        if isinstance(event, OutputEvent):
            for line in event.text.split("\n")[-3:]:
                if line.strip():
                    self.lines.append((f"{agent} · {title}", one_line(line, 100)))

    @property
    def ended(self) -> int:
        """How many tasks are at rest."""
        return sum(recording.at_rest for recording in self.cells.values())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the states, the clock, and as much of the newest output as the terminal holds."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column("template", no_wrap=True, overflow="ellipsis")
        for agent in self.agents:  # as wide as its name: nothing jumps when a state changes
            table.add_column(agent, no_wrap=True, width=len(agent))
        for title in self.titles:
            table.add_row(escape(title), *(self._cell(title, agent) for agent in self.agents))
        total = len(self.titles) * len(self.agents)
        seconds = monotonic() - self.began
        clock = Text(f"{self.ended} of {total} tasks at rest, {seconds:.0f} s", style="bold")
        yield table
        yield Text(LEGEND, style="dim")
        yield clock
        room = console.height - len(self.titles) - 4
        for who, line in list(self.lines)[-room:] if room > 0 else ():
            shown = Text(f"{who}  ", style="cyan", no_wrap=True, overflow="ellipsis")
            yield shown.append(line, style="dim")

    def _cell(self, title: str, agent: str) -> Text:
        recording = self.cells.get((title, agent))
        return WAITS if recording is None else _sign(recording.task)


def _sign(task: Task) -> Text:
    """Say in at most six letters how a task stands; `LEGEND` says how to read it."""
    if task.status == "done":
        return Text("✓" + _score(task), style="green")
    if task.status == "failed":
        return Text("✗", style="red")
    if task.status in ("draft", "pending") or not task.attempts:
        return WAITS
    now = task.attempts[-1]
    mark, style = ("?", "magenta") if task.status == "review" else ("▸", "yellow")
    return Text(f"{mark} {now.attempt}.{now.round}", style=style)


def _outcome(task: Task) -> str:
    """Say in words how a task ended."""
    return f"✓ passed{_score(task)}" if task.status == "done" else f"✗ failed: {task.reason}"


def _score(task: Task) -> str:
    known = task.assessment is not None and task.assessment.score is not None
    return f" {task.assessment.score:.1f}" if task.assessment and known else ""


async def _run_all(
    lab: Lab, chosen: list[Template], seed: int, show: _Show, console: Console
) -> None:
    async with lab.async_client() as polpo:
        runs = [
            _run_one(polpo, _request(template, agent, seed), show, console)
            for template in chosen
            for agent in show.agents
        ]
        if not console.is_terminal:
            await asyncio.gather(*runs)
            return
        with Live(show, console=console, refresh_per_second=REFRESH_PER_SECOND):
            await asyncio.gather(*runs)


def _request(template: Template, agent: str, seed: int) -> TaskCreate:
    """Ask for one fix and one retry; the seed is the same for every agent."""
    own = mixed_seed(seed, template.id)
    return template.task(agent, seed=own, max_retries=1, max_fix_attempts=1)


async def _run_one(polpo: AsyncPolpo, asked: TaskCreate, show: _Show, console: Console) -> None:
    task = await polpo.tasks.create(asked)
    recording = show.cells[task.title, task.assign_to] = Recording(task)
    async for event in polpo.tasks.execute(task):
        show.take(task.title, task.assign_to, event)
    if not console.is_terminal:
        said = f"{task.assign_to} · {task.title}: {_outcome(recording.task)}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)


def _verdicts(lab: Lab, show: _Show) -> Table:
    """Compare the agents by the checks that decided, and by the one nobody saw."""
    table = Table(
        title="Verdicts, with 95% Wilson intervals",
        caption="truly right: on 1,000 lists that nobody was shown, and that decided nothing",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE,
    )
    for column in ("agent", "n", "passed", "truly right", "rounds", "cost"):
        table.add_column(column, justify="left" if column == "agent" else "right", no_wrap=True)
    for agent in show.agents:
        tasks = [lab.tasks.get(r.task.id) for (_, a), r in show.cells.items() if a == agent]
        rounds = [each for task in tasks for each in task.attempts or ()]
        costs = [r.usage.cost for r in rounds if r.usage and r.usage.cost is not None]
        table.add_row(
            agent,
            str(len(tasks)),
            _rate(sum(t.status == "done" for t in tasks), len(tasks)),
            _rate(sum(_is_right(t) for t in tasks), len(tasks)),
            str(len(rounds)),
            f"{sum(costs):.3f}" if len(costs) == len(rounds) else "unknown",
        )
    return table


def _is_right(task: Task) -> bool:
    """Tell whether the last round passed the hidden outcome check."""
    checks = task.assessment.checks if task.assessment else []
    return any(c.role == "outcome" and c.type == "test" and c.passed for c in checks)


def _rate(successes: int, n: int) -> str:
    interval = binomtest(successes, n).proportion_ci(method="wilson")
    return f"{successes / n:.0%} [{interval.low:.0%}, {interval.high:.0%}]"


def _where_next(lab: Lab, show: _Show) -> str:
    assert lab.server is not None
    folder = str(lab.server.data)
    failed = next((r.task for r in show.cells.values() if r.task.status == "failed"), None)
    code = [
        "import polpo_lab as polpo",
        f"lab = polpo.connect(data={folder!r})",
        "lab.board()        # or lab.tasks.frame()",
        *([f'print(lab.tasks.get("{failed.id}").why())'] if failed else ()),
    ]
    lines = "\n".join(f"  {line}" for line in code)
    return (
        f"\nEvery attempt, file and event is in {shlex.quote(folder)}.\n"
        f"To look at it in a notebook, type make lab and then:\n{lines}"
    )
