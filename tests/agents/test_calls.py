"""Several calls in one worker, as judges are called: each on its own, whatever the others do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from polpo_lab import Score
from polpo_lab.agents.calls import Call, Raised, Returned, Workload, call_worker
from polpo_lab.agents.pickled import pickle_callable
from polpo_lab.agents.view import Output
from polpo_lab.assess.judging import plain_answer


def polite(criterion, task, result):
    print("looking")
    return Score(5 if "Hello" in result.content else 1, criterion)


async def by_file(criterion, task, result):
    return len(result.files["in.txt"])


def raises(criterion, task, result):
    raise LookupError("no idea")


def dies(criterion, task, result):
    import os

    os._exit(9)


def hangs(criterion, task, result):
    import time

    time.sleep(600)


def writes(criterion, task, result):
    (task.workspace / "in.txt").write_text("changed")


async def _ask(sandbox, view, *judges, timeout=60.0):
    arguments = {"criterion": "polite?", "task": view.to_json(), "content": "Hello"}
    workload = Workload(
        functions=[pickle_callable(judge, folders=()) for judge in judges],
        calls=[Call(n, "judge", arguments, timeout) for n in range(len(judges))],
    )
    events = call_worker(sandbox, workload, workspace=view.workspace, workspace_writable=False)
    return [event async for event in events]


async def test_answers_come_one_after_the_other(sandbox, view):
    first, second, third = (
        e for e in await _ask(sandbox, view, polite, by_file, polite) if not isinstance(e, Output)
    )
    assert (first.call, second.call, third.call) == (0, 1, 2)
    assert first.value == third.value == plain_answer(Score(5, "polite?"))
    assert second.value == plain_answer(len("input"))


async def test_a_failing_judge_does_not_take_the_others_along(sandbox, view):
    events = await _ask(sandbox, view, polite, raises, dies, polite)
    ends = [e for e in events if not isinstance(e, Output)]
    assert [type(e) for e in ends] == [Returned, Raised, Raised, Returned]
    assert [e.call for e in ends] == [0, 1, 2, 3]
    assert ends[1].error.startswith("LookupError: no idea")
    assert "exit code 9" in ends[2].error


async def test_a_judge_over_its_time_does_not_either(sandbox, view):
    events = await _ask(sandbox, view, polite, hangs, polite, timeout=3.0)
    ends = [e for e in events if not isinstance(e, Output)]
    assert [type(e) for e in ends] == [Returned, Raised, Returned]
    assert ends[1].error == "took longer than its 3 s"


@pytest.mark.sandbox
async def test_a_judge_cannot_change_the_workspace(sandbox, view):
    (end,) = await _ask(sandbox, view, writes)
    assert "Read-only file system" in end.error
    assert (view.workspace / "in.txt").read_text() == "input"


def test_a_worker_starts_without_the_heavy_packages():
    program = (
        "import sys, polpo_lab.agents.worker, polpo_lab.assess.judging\n"
        "heavy = {'pydantic', 'pandas', 'numpy', 'httpx', 'fastapi', 'IPython', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
