"""The board of an experiment in a real browser: live cells, buttons, cards, reload, saved page.

With ``POLPO_LAB_PICTURES=DIR`` the boards are also photographed there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

START = """
import asyncio
import random
import tempfile
import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")
opened = asyncio.Event()

@lab.agent(isolation="inline", version="1")
async def steady(task):
    yield f"steady works on {task.title}\\n"
    (task.workspace / "out.txt").write_text("x")
    yield polpo.Spent(cost=0.01)

@lab.agent(isolation="inline", version="1")
async def chancy(task):
    yield f"chancy works on {task.title}\\n"
    if random.Random(task.seed).random() < 0.6:
        (task.workspace / "out.txt").write_text("x")
    yield polpo.Spent(cost=0.02)

@lab.agent(isolation="inline", version="1")
async def slow(task):
    for i in range(600):
        yield f"step {i} of {task.title}\\n"
        await asyncio.sleep(0.1)
        if opened.is_set():
            return

def suite(size):
    return polpo.Suite("writing", [
        polpo.Template(
            id=f"t{n}", title=f"<b>Task {n}", description="Write out.txt", family=f"family {n % 3}",
            expectations=[{"type": "file_exists", "path": "out.txt"}]
            + ([{"criterion": "It is nice"}] if n == 4 else []),
        ) for n in range(size)
    ])
"""
EXPERIMENT = """
exp = polpo.Experiment(
    "which-writer", suite(9), ["steady", "chancy", "slow"],
    {"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)}, repeats=5, seed=3,
    folder=tempfile.mkdtemp(),
)
"""
BUSY = "import threading; never = threading.Event(); never.wait(120)"


def state_of(board):
    return board.get_by_role("status").first


def prompt(book, number):
    return book.page.locator(".jp-InputPrompt").nth(number)


def picture(board, name):
    if folder := os.environ.get("POLPO_LAB_PICTURES"):
        board.page.wait_for_timeout(300)
        board.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_run_is_watched_paused_resumed_and_stopped_while_its_cell_runs(notebook, theme):
    book = notebook(
        START,
        EXPERIMENT
        + "run = exp.run(lab, concurrency=12, agent_limits={'slow': 2},"
        + " budget=polpo.Budget(cost=3, hours=1))",
        "run.snapshot().counts['running'], run.reason",
        theme=theme,
    )
    book.run_all()
    board = book.page.locator(".polpo-exp")
    expect(state_of(board)).to_contain_text("running", timeout=60_000)
    steady = board.get_by_label(re.compile(r"^<b>Task 0 · steady · once: "))
    expect(steady).to_have_text("✓ 5/5", timeout=60_000)
    expect(board.get_by_label(re.compile("^<b>Task 4 · steady · once: "))).to_have_text(
        "?", timeout=60_000
    )
    expect(board.get_by_text("Troubles: ")).to_be_visible()
    running = board.locator("button[data-verdict='running']").first
    expect(running).to_be_visible()
    expect(board).to_contain_text(re.compile(r"cost \d\.\d+ of 3"))
    expect(prompt(book, 1)).to_contain_text("*")

    board.get_by_role("button", name="Pause").click()
    # One of the two slow ones may have come to its end just now.
    expect(state_of(board)).to_contain_text(
        re.compile("paused: no further trial starts, the (2 that run go|one that runs goes) on")
    )
    board.get_by_role("button", name="Resume").click()
    expect(state_of(board)).to_contain_text("running, at most")

    running.click()
    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("step 3 of <b>Task", timeout=30_000)
    expect(board.get_by_role("button", name=re.compile("▸ running")).first).to_be_visible()
    picture(book.page.locator(".jp-Notebook"), f"board-running-{theme}")

    steady.click()
    expect(card).to_contain_text("steady works on <b>Task 0", timeout=30_000)
    expect(card.get_by_role("status").first).to_have_text("done")
    expect(card.get_by_role("button", name="Kill")).to_have_count(0)
    board.get_by_role("button", name="2: ✓ passed").click()
    expect(board.get_by_role("button", name="2: ✓ passed")).to_have_attribute(
        "aria-pressed", "true"
    )

    board.get_by_role("button", name="Show code").click()
    expect(board.locator(".polpo-exp-code")).to_contain_text("run.stop(leave=True)")
    board.get_by_role("button", name="Stop", exact=True).click()
    expect(state_of(board)).to_contain_text("stopping: no further trial starts")
    expect(prompt(book, 1)).to_contain_text("*")
    board.get_by_role("button", name="Stop, leave what runs").click()
    expect(state_of(board)).to_have_text("stopped", timeout=30_000)
    book.wait_for_idle()
    expect(book.page.locator(".jp-OutputArea-executeResult").last).to_contain_text("(0, 'stopped')")
    picture(book.page.locator(".jp-Notebook"), f"board-stopped-{theme}")


def test_the_notebooks_stop_stops_politely_and_the_board_says_so(notebook):
    book = notebook(
        START, EXPERIMENT + "run = exp.run(lab, concurrency=8, agent_limits={'slow': 2})"
    )
    book.run_all()
    board = book.page.locator(".polpo-exp")
    expect(board.locator("button[data-verdict='running']").first).to_be_visible(timeout=60_000)

    book.command("notebook:interrupt-kernel")

    expect(state_of(board)).to_contain_text("stopping: no further trial starts", timeout=20_000)
    expect(prompt(book, 1)).to_contain_text("*")
    book.command("notebook:interrupt-kernel")
    expect(state_of(board)).to_have_text("stopped", timeout=30_000)
    book.wait_for_idle()
    expect(book.page.locator(".jp-OutputArea-output[data-mime-type*='error']")).to_have_count(0)


def test_buttons_of_a_run_in_the_background_work_while_another_cell_runs(notebook):
    book = notebook(START, EXPERIMENT + "run = exp.start(lab, concurrency=2)\nrun", BUSY)
    book.run_all()
    board = book.page.locator(".polpo-exp")
    expect(board.locator("button[data-verdict='running']").first).to_be_visible(timeout=60_000)
    expect(prompt(book, 2)).to_contain_text("*")

    board.get_by_role("button", name="Stop, leave what runs").click()

    expect(state_of(board)).to_contain_text("left: what ran goes on", timeout=30_000)
    expect(prompt(book, 2)).to_contain_text("*")
    book.command("notebook:interrupt-kernel")


def test_a_reload_keeps_the_board_and_a_page_without_kernel_its_last_state(notebook):
    book = notebook(
        START,
        EXPERIMENT.replace(', "slow"', "") + "exp.run(lab, concurrency=8)",
    )
    book.run_all()
    book.wait_for_idle()
    board = book.page.locator(".polpo-exp")
    expect(state_of(board)).to_have_text("finished", timeout=30_000)
    # One board, though the cell's value is the run that it shows.
    expect(board).to_have_count(1)
    first = board.get_by_label(re.compile(r"^<b>Task 0 · steady · once: "))
    first.click()
    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("steady works on <b>Task 0", timeout=30_000)
    saved = book.save()
    outputs = saved["cells"][1]["outputs"]
    page = outputs[0]["data"]["text/html"]
    assert "which-writer" in page
    assert "finished" in page
    assert "&lt;b&gt;Task 0" in page
    assert "✓ 5/5" in page
    assert outputs[-1]["data"]["text/plain"].startswith("<Run finished: 180 of 180 trials")

    book.reload()
    expect(state_of(board)).to_have_text("finished", timeout=30_000)
    expect(first).to_have_text("✓ 5/5")
    board.get_by_label(re.compile(r"^<b>Task 7 · chancy · once: ")).click()
    expect(card).to_contain_text("chancy works on <b>Task 7", timeout=30_000)

    book.restart_kernel()
    book.reload()
    still = book.page.locator(".polpo-saved")
    expect(still).to_contain_text("finished", timeout=30_000)
    expect(still).to_contain_text("steady works on <b>Task 0")
    expect(book.page.get_by_text("Error displaying widget")).to_be_hidden()
    picture(book.page.locator(".jp-Notebook"), "board-saved")


LARGE = """
from polpo_lab.experiments.progress import Progress
large = polpo.Suite("large", [
    polpo.Template(id=f"t{n}", title=f"Task {n}", description="d", family=f"family {n % 50}")
    for n in range(2000)
])
exp = polpo.Experiment("large", large, list("abcdefgh"), repeats=5)
exp.board()
"""


def test_two_thousand_templates_scroll_and_the_page_stays_small(notebook):
    book = notebook(START, LARGE)
    book.run_all()
    board = book.page.locator(".polpo-exp")
    families = board.get_by_role("button", name=re.compile(r"family \d+ \(40\)"))
    expect(families.first).to_be_visible(timeout=60_000)
    families.nth(2).click()
    expect(board.get_by_text("Task 2", exact=True)).to_be_visible()
    for _ in range(5):
        families.first.click()
        families.first.click()
    board.locator(".polpo-exp-scroll").evaluate("(s) => { s.scrollTop = s.scrollHeight; }")
    expect(board.get_by_role("button", name="family 49 (40)")).to_be_visible()
    assert board.locator("*").count() < 1_500
    picture(board, "board-large")
