"""The demonstration on a real server: agents, checks and judges together, and no way to cheat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.demo import AGENT_NAMES, judges
from polpo_lab.demo import join as join_demonstration
from polpo_lab.models import OutputEvent
from polpo_lab.seeding import mixed_seed

SUITE = polpo.Suite.load("list-functions")
ROOT = str(Path(polpo.__file__).parent)


@pytest.fixture
def demo(lab: polpo.Lab) -> polpo.Lab:
    assert lab.server is not None
    join_demonstration(lab.server.agents, lab.server.judges)
    return lab


def run(lab: polpo.Lab, template_id: str, agent: str, **fields):
    once = {"seed": mixed_seed(1, template_id), "max_retries": 1, "max_fix_attempts": 1}
    task = lab.tasks.create(SUITE[template_id].task(agent, **{**once, **fields}))
    with lab.tasks.execute(task) as events:
        for _ in events:
            pass
    return lab.tasks.get(task.id)


def check(task, name: str):
    return next(each for each in task.assessment.checks if each.name == name)


def test_a_found_program_passes_gates_reviewers_and_the_hidden_outcome(demo):
    task = run(demo, "orders-2", "deep-enumerator")
    assert task.status == "done", task.assessment.feedback
    assert task.assessment.passed
    assert check(task, "1,000 lists").passed
    agreement = check(task, "agreement")
    assert agreement.score == 5
    assert [reviewer.name for reviewer in agreement.reviewers] == list(judges.REVIEWERS)
    biased = check(task, "agreement, by the biased reviewer")
    assert (biased.role, biased.reviewers[0].name) == ("outcome", judges.BIASED_REVIEWER)
    assert task.attempts[-1].usage.cost > 0
    assert "def f(xs)" in task.attempts[-1].files["solution.py"]


@pytest.mark.parametrize("agent", AGENT_NAMES)
def test_every_agent_works_streams_and_is_judged(demo, agent):
    request = SUITE["orders-1"].task(
        agent, seed=mixed_seed(1, "orders-1"), max_retries=1, max_fix_attempts=1
    )
    task = demo.tasks.create(request)
    events = list(demo.tasks.execute(task))
    task = demo.tasks.get(task.id)
    assert any(isinstance(event, OutputEvent) and event.text for event in events)
    assert all(each.exit_reason == "ok" for each in task.attempts)
    assert all(each.usage.cpu_seconds is not None for each in task.attempts)
    assert [each.error for each in task.assessment.checks if each.error] == []
    assert check(task, "1,000 lists").passed is (agent != "memoriser")


def test_the_same_seed_gives_the_same_rounds_again(demo):
    rounds = []
    for _ in range(2):
        task = run(demo, "folds-3", "stochastic")
        rounds.append(
            [(a.attempt, a.round, a.seed, a.usage.cost, a.assessment.passed) for a in task.attempts]
        )
    assert rounds[0] == rounds[1]


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.exit(0)\n",
        "print('9 of 9 lists right')\nraise SystemExit\n",
        "import json\njson.loads = lambda text: []\ndef f(xs):\n    return []\n",
        "exec(open('check/reference.py').read())\n",
    ],
)
def test_a_program_that_cheats_fails(demo, source):
    @demo.agent(name="cheat")
    def cheat(task):
        (task.workspace / "solution.py").write_text(source)

    task = run(demo, "orders-1", "cheat", max_retries=0, max_fix_attempts=0)
    assert task.status == "failed"
    for name in ("examples and 5 more lists", "agreement", "1,000 lists"):
        assert check(task, name).passed is False


def test_the_baseline_fails_and_is_told_a_counterexample(demo):
    task = run(demo, "folds-4", "memoriser", max_retries=0, max_fix_attempts=0)
    assert (task.status, task.assessment.passed) == ("failed", False)
    assert "but yours gave" in task.assessment.feedback
    assert "1,000 lists" not in task.assessment.feedback
    assert not check(task, "1,000 lists").passed


@pytest.mark.sandbox
def test_an_agent_that_searches_finds_no_reference(demo):
    """It reads every file it can see, for the sketches, the seed and its own reference."""
    template = SUITE["pairs-with-sorted-5"]
    in_json = json.dumps(template.metadata["reference"]["python"])[1:-1]
    sketch = "sort({map}(xs)), {pair2}(ranks(xs)"
    needles = [
        template.metadata["reference"]["expression"],
        template.metadata["reference"]["python"],
        in_json,
        sketch,
    ]

    @demo.agent(name="snooper")
    def snooper(task):
        import os

        found = []
        for top in (ROOT, os.path.dirname(ROOT), "/tmp", "/root", "/home", str(task.workspace)):
            for folder, _, names in os.walk(top):
                if "site-packages" in folder and not folder.startswith(ROOT):
                    continue
                for name in names:
                    path = os.path.join(folder, name)
                    try:
                        with open(path, encoding="utf-8", errors="replace") as file:
                            text = file.read(5_000_000)
                    except OSError:
                        continue
                    found += [f"{path}: {n}" for n in needles if n in text]
        told = f"{task.expectations}{task.description}{task.files}"
        found += [f"the view: {needle}" for needle in needles if needle in told]
        return "\n".join(found) or "nothing"

    task = run(demo, template.id, "snooper", max_retries=0, max_fix_attempts=0)
    assert task.result.content == "nothing"
