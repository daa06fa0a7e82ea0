"""The board of an experiment: what it sends, what its buttons and cells do, what it saves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from typing import Any

import pytest

import polpo_lab as polpo
from polpo_lab.experiments.planning import plan_of
from polpo_lab.experiments.progress import Progress
from polpo_lab.live import live_loop
from polpo_lab.notebook.card import Card
from polpo_lab.notebook.experiment_grid import SHOWN_TEMPLATES, Grid, cell_text, verdict_of
from polpo_lab.notebook.experiment_page import board_page
from polpo_lab.notebook.experiment_status import SHOWN_TROUBLES, summarise_run, summarise_troubles
from polpo_lab.notebook.recorded_card import RecordedCard
from tests.notebook.test_card import HOSTILE, TagsAndText


def suite_of(size, families=2):
    return polpo.Suite(
        "some",
        [
            polpo.Template(
                id=f"t{n}",
                title=f"Task {n}",
                description="Write out.txt.",
                family=f"f{n % families}" if families else None,
                expectations=[{"type": "file_exists", "path": "out.txt"}],
            )
            for n in range(size)
        ],
    )


@pytest.fixture
def gate(lab):
    """Opens for the agent `waiting`, which writes its file only then."""
    opened = threading.Event()

    @lab.agent(isolation="inline")
    async def waiting(task: Any) -> Any:
        yield f"waits for {task.title}\n"
        while not opened.is_set():
            await asyncio.sleep(0.01)
        (task.workspace / "out.txt").write_text("x")

    @lab.agent(isolation="inline")
    async def writer(task: Any) -> Any:
        yield f"writes {task.title}\n"
        if "0" not in task.title:
            (task.workspace / "out.txt").write_text("x")
        yield polpo.Spent(cost=0.5)

    yield opened
    opened.set()


def experiment(tmp_path, agents="writer", size=3, repeats=2, **more):
    return polpo.Experiment(
        "e", suite_of(size), agents, repeats=repeats, folder=tmp_path / "exp", **more
    )


class Told:
    """What a board's page is sent."""

    def __init__(self, table):
        self.messages: list[dict[str, Any]] = []
        self._came = threading.Condition()
        table.send = self._take
        table.observe(lambda _: self._notify())

    def _take(self, content, buffers=None):
        with self._came:
            self.messages.append(json.loads(json.dumps(content)))
            self._came.notify_all()

    def _notify(self):
        with self._came:
            self._came.notify_all()

    def until(self, holds):
        with self._came:
            assert self._came.wait_for(holds, 20)

    @property
    def cells(self):
        return [cell for m in self.messages if m["kind"] == "cells" for cell in m["cells"]]


def press(board, **content):
    board.table._handle_custom_msg(content, [])


def hello(board, told):
    press(board, kind="hello", id="1")
    told.until(lambda: any(m["kind"] == "all" and m["id"] == "1" for m in told.messages))
    return next(m for m in told.messages if m["kind"] == "all" and m["id"] == "1")


# ------------------------------------------------------------------ what a cell says


def test_a_cell_says_without_colour_how_its_repeats_stand():
    assert [
        (verdict_of(counts), cell_text(counts))
        for counts in (
            {"todo": 5},
            {"running": 1, "todo": 4},
            {"passed": 5},
            {"passed": 3, "failed": 2},
            {"failed": 5},
            {"missing": 5},
            {"awaiting": 5},
        )
    ] == [
        ("todo", "·"),
        ("running", "▸"),
        ("passed", "✓ 5/5"),
        ("mixed", "◐ 3/5"),
        ("failed", "✗ 0/5"),
        ("missing", "?"),
        ("awaiting", "‖"),
    ]


def grid_of(size, families=2, agents=("a", "b"), repeats=5):
    plan = plan_of("e", suite_of(size, families), agents, repeats=repeats)
    progress = Progress(plan.trials({}))
    return Grid(plan, progress.cells), progress


def test_only_cells_that_changed_are_told_with_their_familys():
    grid, progress = grid_of(4)
    first, second = (t.id for t in progress.trials_of[next(iter(progress.cells))][:2])
    progress.started(first)
    seen = progress.moves
    assert [cell[2] for cell in grid.told(progress.moved_since(0))] == ["running"] * 2

    progress.ended(first, "passed", 0.1)
    progress.started(second)

    told = grid.told(progress.moved_since(seen))
    assert len(told) == 2
    family, template = sorted(told, key=lambda cell: cell[0])
    assert family[3] == [8, 1, 1, 0, 0, 0]
    assert template[3] == [3, 1, 1, 0, 0, 0]
    assert progress.moved_since(progress.moves) == []


def test_two_thousand_templates_and_more_stay_bounded():
    grid, _ = grid_of(SHOWN_TEMPLATES + 7, families=40, repeats=1)
    layout = grid.layout()
    assert layout["leftOut"] == 7
    assert len(layout["rows"]) == SHOWN_TEMPLATES + 40
    assert sum(row["size"] for row in layout["rows"] if row["family"]) == SHOWN_TEMPLATES + 7
    assert len(json.dumps(layout)) < 200_000
    assert grid.begun() == []

    page = page_of(grid)
    assert len(page) < 20_000
    assert "f0 (all 51)" in page
    assert "2,007 templates have no row here" in page


def test_without_families_the_first_templates_are_saved_and_the_others_counted():
    grid, _ = grid_of(100, families=0)
    assert not any(row["family"] for row in grid.layout()["rows"])
    page = page_of(grid)
    assert "Task 59" in page
    assert "Task 60" not in page
    assert "40 templates have no row here" in page


def page_of(grid, troubles=()):
    progress = Progress([])
    status = summarise_run("e", progress.snapshot(), is_over=True, is_dry=False)
    return board_page(grid, status, summarise_troubles(tuple(troubles)), "run.board()")


def test_hostile_text_is_escaped_on_the_static_page_and_bounded():
    template = polpo.Template(id="t", title=HOSTILE, description="d", family=HOSTILE)
    plan = plan_of(f"n{HOSTILE}".replace("/", ""), polpo.Suite("s", [template]), [HOSTILE])
    progress = Progress(plan.trials({}))
    trial = next(iter(progress.standings))
    for n in range(SHOWN_TROUBLES + 5):
        progress.trouble(f"{n} {HOSTILE}" * 50, trial)
    snapshot = progress.snapshot()
    status = summarise_run(plan.name, snapshot, is_over=False, is_dry=False)
    troubles = summarise_troubles(snapshot.troubles)

    page = board_page(Grid(plan, progress.cells), status, troubles, "code")

    parsed = TagsAndText(page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img"}
    assert not [a for _, names in parsed.tags for a in names if a.startswith("on")]
    assert not set("\x00\x07\x1b") & set(parsed.text)
    assert "… 5 other messages" in parsed.text
    assert max(len(each["message"]) for each in troubles) <= 160


# ------------------------------------------------------------------ a run on its board


def test_cells_change_while_it_runs_and_the_end_is_saved(lab, gate, tmp_path):
    run = experiment(tmp_path, ["writer", "waiting"]).start(lab, concurrency=2)
    board = run.board()
    told = Told(board.table)
    assert run.board() is board
    layout = hello(board, told)
    assert [column["agent"] for column in layout["columns"]] == ["writer", "waiting"]
    assert [row["name"] for row in layout["rows"] if row["family"]] == ["f0", "f1"]

    gate.set()
    run.wait(30)
    told.until(lambda: board.table.status["state"] == "over")

    last = {(row, column): counts for row, column, _, counts in told.cells}
    templates = [i for i, row in enumerate(layout["rows"]) if not row["family"]]
    assert [last[row, 1] for row in templates] == [[0, 0, 2, 0, 0, 0]] * 3
    assert last[templates[0], 0] == [0, 0, 0, 2, 0, 0]
    assert board.table.status["stateText"] == "finished"
    assert board.table.status["actions"] == []
    page, text = live_loop().run(board._page_now())
    assert page.count("✓ 2/2") == 7  # five templates' cells, and one family's of each agent
    assert "✗ 0/2" in page
    assert "<script" not in page
    assert text == "e: finished; 12 trials: 10 passed, 2 failed"
    board.close()


def test_an_update_is_as_large_as_what_changed(lab, gate, tmp_path):
    gate.set()
    run = experiment(tmp_path, size=40, repeats=1).start(lab, concurrency=4)
    board = run.board()
    told = Told(board.table)
    run.wait(60)
    told.until(lambda: board.table.status["state"] == "over")

    rows = Counter(row for row, *_ in told.cells)
    assert max(len(m["cells"]) for m in told.messages if m["kind"] == "cells") <= 40
    # Each template is told when it starts and when it ends, at most.
    assert max(n for row, n in rows.items() if board._grid.rows[row].template) <= 2


def test_the_buttons_pause_resume_and_stop(lab, gate, tmp_path):
    run = experiment(tmp_path, "waiting", repeats=20).start(lab, concurrency=2)
    board = run.board()
    told = Told(board.table)
    told.until(lambda: board.table.status["actions"] == ["pause", "stop", "leave"])

    press(board, kind="action", id="a", action="pause")
    told.until(lambda: board.table.status["actions"] == ["resume", "stop", "leave"])
    assert {"kind": "heard", "id": "a"} in told.messages
    assert "run.resume()" in board.table.code
    press(board, kind="action", id="b", action="resume")
    told.until(lambda: board.table.status["state"] == "running")
    press(board, kind="action", id="c", action="stop")
    told.until(lambda: board.table.status["actions"] == ["leave"])
    assert board.table.status["stateText"].startswith("stopping: no further trial starts")
    press(board, kind="action", id="d", action="leave")
    told.until(lambda: board.table.status["state"] == "over")

    assert run.reason == "stopped"
    assert run.snapshot().counts["running"] == 0
    board.close()


def test_a_click_lists_the_repeats_and_opens_the_live_card(lab, gate, tmp_path):
    run = experiment(tmp_path, "waiting", size=1, repeats=3).start(lab, concurrency=1)
    board = run.board()
    told = Told(board.table)
    told.until(lambda: run.task_of(next(iter(run.progress.standings)))[0])

    press(board, kind="cell", row=0, column=0)

    assert isinstance(board.card, Card)
    assert [r["standing"] for r in board.table.detail["repeats"]].count("running") == 1
    assert "lab.watch('task_" in board.table.code
    gate.set()
    run.wait(30)
    assert board.card.wait(20).status == "done"
    told.until(lambda: {r["standing"] for r in board.table.detail["repeats"]} == {"passed"})
    board.close()


def test_ended_trials_are_opened_from_the_journal_without_a_server(lab, gate, tmp_path):
    exp = experiment(tmp_path, size=1)
    exp.run(lab)
    lab.close()
    board = polpo.Experiment.open(exp.folder).board()

    press(board, kind="cell", row=0, column=0)

    card = board.card
    assert isinstance(card, RecordedCard)
    card.wait(20)
    assert card.summary["status"] == "failed"
    assert card.summary["actions"] == []
    page = live_loop().run(board._page_now())[0]
    assert "writes Task 0" in page
    assert "✗ 0/2" in page
    other = board.table.detail["repeats"][1]["trial"]
    press(board, kind="open", trial=other)
    assert board.table.selected == other
    assert f"exp.task({other!r})" in board.table.code
    press(board, kind="open", trial="elsewhere")
    press(board, kind="cell", row=99, column=-1)
    assert board.table.selected == other
    board.close()


def test_a_trial_without_a_result_says_why_on_its_card(lab, tmp_path):
    judged = polpo.Template(
        id="j", title="Judged", description="d", expectations=[{"criterion": "It is nice"}]
    )
    exp = polpo.Experiment(
        "e", polpo.Suite("s", [judged]), "greeter", repeats=2, folder=tmp_path / "exp"
    )
    run = exp.run(lab)
    board = run.board()
    assert [t["count"] for t in board.table.troubles] == [2]
    press(board, kind="cell", row=0, column=0)
    board.card.wait(20)
    assert board.card.notices[0].startswith("The trial has no result: refused: ")
    board.close()


def test_a_run_that_nobody_can_show_is_shown_as_text(lab, gate, tmp_path):
    run = experiment(tmp_path).run(lab, dry=True)
    with pytest.raises(NotImplementedError):  # IPython then takes the repr
        run._ipython_display_()
    assert repr(run).startswith("<Run, dry: 6 of 6 trials would run>")


def test_the_whole_is_also_sent_unasked_until_a_page_is_heard(lab, gate, tmp_path):
    run = experiment(tmp_path, "waiting", size=1, repeats=1).start(lab)
    board = run.board()
    told = Told(board.table)
    board._ipython_display_()  # outside of a notebook it prints a line

    told.until(lambda: any(m["kind"] == "all" and m["id"] is None for m in told.messages))

    hello(board, told)
    assert board._push_at == float("inf")
    gate.set()
    run.wait(30)
    board.close()
