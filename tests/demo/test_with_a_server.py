"""The demonstration on a real server: agents, checks and judges together, and no way to cheat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.demo import join as join_demonstration
from polpo_lab.demo import judges, load_suite

SUITE = {template.id: template for template in load_suite()}
ROOT = str(Path(polpo.__file__).parent)


@pytest.fixture
def demo(lab: polpo.Lab) -> polpo.Lab:
    assert lab.server is not None
    join_demonstration(lab.server.agents, lab.server.judges)
    return lab


def run(lab: polpo.Lab, template_id: str, agent: str, **fields):
    task = lab.tasks.create(**SUITE[template_id].task(agent, seed=1, **fields))
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
    in_json = json.dumps(template.reference["python"])[1:-1]
    sketch = "sort({map}(xs)), {pair2}(ranks(xs)"
    needles = [template.reference["expression"], template.reference["python"], in_json, sketch]

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
