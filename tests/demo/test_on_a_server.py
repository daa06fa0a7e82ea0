"""The demonstration on a real embedded server: every agent, the judges, and no way to cheat."""

from __future__ import annotations

from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.demo import AGENT_NAMES, join, load_suite
from polpo_lab.demo.judges import BIASED_REVIEWER, REVIEWERS
from polpo_lab.models import OutputEvent, Task

SUITE = load_suite()
EASY = next(template for template in SUITE if template.id == "orders-1")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        with polpo.connect(data=":temporary:") as lab:
            join(lab.server.agents, lab.server.judges)
            yield lab


def run(lab, agent: str, **fields) -> tuple[Task, list]:
    task = lab.tasks.create(**EASY.task(agent, seed=1, **fields))
    events = list(lab.tasks.execute(task))
    return lab.tasks.get(task), events


@pytest.mark.parametrize("agent", AGENT_NAMES)
def test_an_agent_works_on_a_task_and_is_judged(lab, agent):
    task, events = run(lab, agent)
    assert task.status == ("failed" if agent == "memoriser" else "done")
    assert any(isinstance(event, OutputEvent) and event.text for event in events)
    last = task.attempts[-1]
    assert last.exit_reason == "completed"
    assert last.usage.cost > 0
    assert last.usage.cpu_seconds is not None
    checks = {check.name: check for check in task.assessment.checks}
    assert all(check.error is None for check in checks.values())
    assert [r.name for r in checks["agreement"].reviewers] == list(REVIEWERS)
    biased = checks["agreement, by the biased reviewer"]
    assert ([r.name for r in biased.reviewers], biased.role) == ([BIASED_REVIEWER], "outcome")
    assert checks["1,000 lists"].passed is (task.status == "done")


def test_the_counterexample_reaches_the_next_round(lab):
    task, _ = run(lab, "memoriser")
    fix = next(each for each in task.attempts if each.round == 1)
    assert "but yours gave" in fix.feedback
    assert "1,000 lists" not in fix.feedback


def test_another_run_with_the_same_seed_is_the_same(lab):
    told = []
    for _ in range(2):
        task, _ = run(lab, "stochastic")
        told.append([(a.attempt, a.round, a.seed, a.usage.cost) for a in task.attempts])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.exit(0)\n",
        "print('1011 of 1011 lists right')\nraise SystemExit\n",
        "import json\njson.loads = lambda text: []\ndef f(xs):\n    return []\n",
        "exec(open('check/reference.py').read())\n",
    ],
)
def test_a_program_that_cheats_fails(lab, source):
    @lab.agent(name="cheat")
    def cheat(task):
        (task.workspace / "solution.py").write_text(source)

    task, _ = run(lab, "cheat", max_retries=0, max_fix_attempts=0)
    assert task.status == "failed"
    passed = {check.name: check.passed for check in task.assessment.checks}
    assert passed["examples and 5 more lists"] is False
    assert passed["1,000 lists"] is False
    assert passed["agreement"] is False


def seeker(task):
    """Read every file that can be read, and tell those that hold what no agent may know."""
    import os

    wanted = [b"interleave({cut1}", b"orders-1", b'"reference":', b'"random": 1000']
    met = []
    for folder, subfolders, names in os.walk("/"):
        subfolders[:] = [s for s in subfolders if os.path.join(folder, s) not in ("/proc", "/sys")]
        for name in names:
            path = os.path.join(folder, name)
            try:
                if not os.path.isfile(path) or os.path.getsize(path) > 4 * 2**20:
                    continue
                if not name.endswith((".py", ".jsonl", ".toml", ".json", ".sqlite", ".md", ".txt")):
                    continue
                with open(path, "rb") as file:
                    held = file.read()
            except OSError:
                continue
            met += [f"{path}: {word.decode()}" for word in wanted if word in held]
    return "\n".join(met) or "nothing"


@pytest.mark.sandbox
def test_a_sandboxed_agent_finds_neither_references_nor_sketches(lab):
    text = (Path(__file__).parents[2] / "datasets" / "list-functions.jsonl").read_text()
    assert '"random": 1000' in text.replace("\\", "")  # what is sought is there to be found
    # by value: nothing of this file's folder is to be readable
    lab.agent(name="seeker")(seeker)
    task, _ = run(lab, "seeker", max_retries=0, max_fix_attempts=0)
    found = task.attempts[0].result.content.splitlines()
    own = [line for line in found if "/demo/generate.py:" not in line]
    assert own == ["nothing"] or not [line for line in own if "polpo" in line or "datasets" in line]
