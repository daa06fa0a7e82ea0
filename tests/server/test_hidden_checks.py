"""What a task hides from its agent is nowhere where the agent can look, in any of its rounds."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import nbformat
import pytest

from polpo_lab.lab import connect

pytestmark = pytest.mark.sandbox

# Said of the agent in two halves, so that the search does not find itself.
MARK = "hidden-" + "a81f"


def search(task):
    """Look for the mark in every readable file that is no program, and in what it is told."""
    import os

    mark = ("hidden-" + "a81f").encode()
    passed_over = ("/proc", "/sys", "/dev", "/usr", *task.description.split(":"))
    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [f for f in folders if not os.path.join(folder, f).startswith(passed_over)]
        for name in files:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    if mark in file.read():
                        found.append(path)
            except OSError:
                continue
    if mark.decode() in f"{dict(os.environ)} {task!r}":
        found.append("what it is told")
    return f"round {task.attempt}.{task.round} found {found} beside {sorted(os.listdir())}"


SEARCHING_PROGRAM = f"""
import json, os
from polpo_lab.agents.view import TaskView
{inspect.getsource(search)}
with open(os.environ["POLPO_TASK_FILE"]) as file:
    print(search(TaskView.from_json(json.load(file))))
"""


@pytest.fixture
def searched(tmp_path, monkeypatch, speak):
    """A lab beside a notebook that holds the hidden check, with agents that search for it."""
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"check = {MARK!r}")])
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    nbformat.write(notebook, tmp_path / ".ipynb_checkpoints" / "mine-checkpoint.ipynb")
    (tmp_path / "module.py").write_text("x = 1")
    with connect(sandbox="require") as lab, speak(lab) as api:
        lab.agent(search, name="function")
        lab.agent(name="command", argv=["python3", "-c", SEARCHING_PROGRAM])
        yield api


@pytest.mark.parametrize("agent", ["function", "command"])
def test_an_agent_that_searches_finds_no_hidden_check(searched, agent):
    packages = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[2] / "polpo_lab"))
    task = searched.run(
        assignTo=agent,
        description=":".join(packages),
        maxRetries=1,
        maxFixAttempts=1,
        expectations=[
            {"type": "test", "command": f"echo {MARK}; exit 1", "checkFiles": {"t.py": MARK}},
            {"type": "script", "command": f"echo {MARK}", "role": "outcome", "hidden": False},
            {"type": "file_exists", "path": MARK, "hidden": True, "required": False},
        ],
    )
    said = [each["result"]["content"].strip() for each in task["attempts"]]
    assert said == [
        f"round {where} found [] beside ['.polpo']" for where in ("1.0", "1.1", "2.0", "2.1")
    ], json.dumps(task["attempts"][0], indent=1)
    assert MARK not in str([each["feedback"] for each in task["attempts"]])
    assert MARK in task["assessment"]["checks"][0]["evidence"]
