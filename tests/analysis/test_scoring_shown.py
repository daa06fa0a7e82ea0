"""Rounds being scored, shown on a terminal and in a cell of a real kernel, and broken off."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import polpo_lab as polpo
from tests.analysis import rescored_runs
from tests.architecture.package_imports import REPOSITORY
from tests.notebook.conftest import Kernel
from tests.terminal import CTRL_C, Terminal

# The judge writes down whom it was asked about, and from the fourth round on waits for a file.
SCORE = """
import asyncio, pathlib, sys
sys.path.insert(0, {repository!r})
import polpo_lab as polpo
from tests.analysis import rescored_runs

asked, gate = pathlib.Path({folder!r}, "asked"), pathlib.Path({folder!r}, "gate")

async def patient(criterion, task, result):
    with asked.open("a") as file:
        file.write(task.id + "\\n")
    if len(asked.read_text().split()) > 3 and not gate.exists():
        await asyncio.Event().wait()
    return rescored_runs.counting(criterion, task, result)

exp = polpo.Experiment.open({experiment!r})
rescored = exp.rescore(
    {{"<b>strict</b>": [{{"criterion": "It is long", "name": "long", "threshold": 5.0}}]}},
    judge=rescored_runs.judges(first=patient), concurrency=1,
)
print("SCORED", len(rescored.frame("attempts")))
"""


@pytest.fixture
def code(tmp_path) -> str:
    with polpo.connect(data=tmp_path / "data") as lab:
        rescored_runs.add_agents(lab)
        exp = rescored_runs.run(tmp_path, lab)
    shutil.rmtree(tmp_path / "data")
    return SCORE.format(
        repository=str(REPOSITORY), folder=str(tmp_path), experiment=str(exp.folder)
    )


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().split()


def kept(folder: Path) -> list[str]:
    """Return the task of each assessment that is on the disk."""
    (path,) = (folder / "exp" / "rescored").glob("*.jsonl")
    lines = map(json.loads, path.read_bytes().splitlines())
    return [line["task_id"] for line in lines if line["record"] == "assessed"]


def assert_nothing_is_lost_and_nothing_done_twice(folder: Path, before: list[str]) -> None:
    """Three were kept before the interrupt, the fourth was asked about: it is asked again."""
    assert len(before) == 3
    assert kept(folder)[:3] == before
    assert len(kept(folder)) == len(set(kept(folder))) == 10
    assert len(asked(folder)) == 10 + 1


def test_ctrl_c_on_a_terminal_keeps_what_was_scored_and_a_second_call_goes_on(tmp_path, code):
    terminal = Terminal(code)
    terminal.until(r"scoring .* 3/10")

    terminal.press(CTRL_C)

    terminal.until(r"<b>strict</b>: 3 of 10 rounds scored and kept: call it again")
    assert terminal.process.wait(30) != 0
    before = kept(tmp_path)
    (tmp_path / "gate").touch()
    again = Terminal(code)
    again.until(r"SCORED 10")
    assert again.process.wait(30) == 0
    assert_nothing_is_lost_and_nothing_done_twice(tmp_path, before)


@pytest.fixture
def kernel(tmp_path):
    started = Kernel(tmp_path)
    yield started
    started.close()


def shown(ran) -> list[dict[str, str]]:
    kinds = ("display_data", "update_display_data")
    return [m["content"]["data"] for m in ran.messages if m["msg_type"] in kinds]


def test_a_cell_shows_how_far_it_is_and_stop_keeps_what_was_scored(tmp_path, code, kernel):
    request = kernel.start(code)
    ran = kernel.read_until(
        request, lambda m: "3 of 10 rounds" in m["content"].get("data", {}).get("text/plain", "")
    )
    page = shown(ran)[-1]["text/html"]
    assert '<progress value="3" max="10">' in page
    assert "&lt;b&gt;strict&lt;/b&gt;: 3 of 10 rounds scored" in page

    kernel.manager.interrupt_kernel()
    ran = kernel.read_until(request, lambda message: False)

    (error,) = ran.errors
    assert "3 of 10 rounds scored and kept: call it again, and it goes on" in error
    assert "Traceback" not in error
    before = kept(tmp_path)
    (tmp_path / "gate").touch()
    again = kernel.run(code)
    assert again.errors == []
    assert again.text == "SCORED 10\n"
    assert shown(again)[0]["text/plain"] == "<b>strict</b>: 0 of 7 rounds scored"
    assert shown(again)[-1]["text/plain"] == "<b>strict</b>: 7 of 7 rounds scored"
    assert len({m["content"]["transient"]["display_id"] for m in again.messages
                if "display" in m["msg_type"]}) == 1  # fmt: skip
    assert_nothing_is_lost_and_nothing_done_twice(tmp_path, before)
