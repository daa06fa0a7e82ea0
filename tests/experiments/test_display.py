"""A run in a terminal, through a real one: the display, Ctrl-C once and twice, no flood."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

import polpo_lab as polpo
from polpo_lab import experiment_display
from polpo_lab.experiments.progress import Progress
from polpo_lab.experiments.run import Run
from polpo_lab.experiments.telling import budget_words, cost_words, pace_words, state_words
from tests.experiments.conftest import small_suite
from tests.terminal import CTRL_C, Terminal

PROGRAM = """
import asyncio, sys
import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")

@lab.agent(isolation="inline")
async def quick(task):
    (task.workspace / "out.txt").write_text("x")
    yield polpo.Spent(cost=0.01)

@lab.agent(isolation="inline")
async def slow(task):
    while not (task.workspace / "never").exists():
        await asyncio.sleep({pause})
        if {ends}:
            return

suite = polpo.Suite("s", [
    polpo.Template(id=f"t{{n}}", title=f"T{{n}}", description="d",
        expectations=[{{"type": "file_exists", "path": "out.txt"}}]) for n in range(4)
])
exp = polpo.Experiment("typed", suite, ["quick", "slow"], repeats=30, folder=sys.argv[1])
run = exp.run(lab, concurrency=4, agent_limits={{"slow": 1}}, budget=polpo.Budget(cost=50))
print("REASON", run.reason, run.snapshot().counts["running"])
lab.close()
"""


def test_ctrl_c_once_is_polite_and_what_runs_comes_to_its_end(tmp_path):
    terminal = Terminal(PROGRAM.format(pause=1, ends=True), str(tmp_path / "exp"))
    terminal.until(r"quick .* \d+ of \d+")  # the row of a condition, with its share
    assert "cost 0." in terminal.text
    assert " of 50" in terminal.text

    terminal.press(CTRL_C)

    terminal.until("No further trial starts")
    terminal.until(r"REASON stopped 0")
    assert terminal.process.wait(30) == 0
    assert "Traceback" not in terminal.text
    assert re.search(r"\d+ trials have no result: run again", terminal.text)


def test_ctrl_c_twice_leaves_what_runs(tmp_path):
    terminal = Terminal(PROGRAM.format(pause=1, ends=False), str(tmp_path / "exp"))
    terminal.until(r"quick .* \d+ of \d+")
    terminal.press(CTRL_C)
    terminal.until("stopping: no further trial starts")

    terminal.press(CTRL_C)

    terminal.until(r"REASON stopped 0")
    assert terminal.process.wait(30) == 0
    assert "Traceback" not in terminal.text


def test_elsewhere_than_on_a_terminal_it_is_a_line_at_the_beginning_and_the_end(
    lab, tmp_path, monkeypatch
):
    exp = polpo.Experiment(
        "<b>[red]e", small_suite(), ["steady"], repeats=4, folder=tmp_path / "exp"
    )
    out = io.StringIO()
    experiment_display.wait_and_show(exp.start(lab), Console(file=out))
    first, last = out.getvalue().splitlines()
    assert first == "<b>[red]e: 12 of 12 trials to run"
    assert last.startswith("finished: 12 of 12 trials, 12 passed; cost 0.12, 0:0")

    monkeypatch.setattr(experiment_display, "QUIET_SECONDS", 0.0)
    again = io.StringIO()
    experiment_display.wait_and_show(exp.start(lab), Console(file=again))
    assert "\x1b" not in again.getvalue()


@pytest.fixture
def told():
    """A run's progress with a clock that stands where it is put."""
    from polpo_lab.experiments.planning import plan_of

    plan = plan_of("e", small_suite(2), ["a", "b"], {"once": {}, "twice": {"max_retries": 1}})
    now = [0.0]
    budget = polpo.Budget(cost=2, tasks=10, hours=1)
    progress = Progress(plan.trials({}), clock=lambda: now[0], limit=4, budget=budget)
    first, second, third, *_ = progress.standings
    for trial in (first, second, third):
        progress.started(trial)
    now[0] = 30.0
    progress.ended(first, "passed", 0.5)
    progress.ended(second, "failed", None)
    return Run(plan, (), progress), progress


def test_progress_carries_the_budget(told):
    _, progress = told
    snapshot = progress.snapshot()
    assert snapshot.spent == {"cost": (0.5, 2), "tasks": (3, 10), "hours": (30 / 3600, 1)}
    assert budget_words(snapshot) == {
        "cost": "cost 0.5 of 2 and 1 that told none",
        "tasks": "3 of 10 tasks",
        "hours": "0:00:30 of 1:00:00",
    }
    assert cost_words(snapshot) == "cost 0.5 of 2 and 1 that told none"
    assert pace_words(snapshot) == "4 a minute, about 0:01:30 left"
    assert state_words(snapshot) == "running, at most 4 at once"


def test_the_panel_has_a_row_for_each_condition_and_stays_within_the_terminal(told):
    run, progress = told
    for _ in range(5):
        progress.trouble("transport: \x1b[31mthe line broke", "x")
    out = io.StringIO()
    console = Console(file=out, width=100, height=30)
    console.print(experiment_display.run_panel(run, 30))
    shown = out.getvalue()
    assert "e: running, at most 4 at once" in shown
    for name in ("a · once", "a · twice", "b · once", "b · twice"):
        assert name in shown
    assert "5 x transport: the line broke" in shown
    assert re.search(r"█{12} 1 of 1", shown)
    assert re.search(r"░{12} 0 of 1", shown)
    assert "… 1 more conditions" in _printed(run, 12)


def _printed(run, height):
    out = io.StringIO()
    Console(file=out, width=100).print(experiment_display.run_panel(run, height))
    return out.getvalue()
