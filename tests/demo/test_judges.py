"""The rule judges: fair on their samples, each for its own sentence, one with a taste."""

from __future__ import annotations

from pathlib import Path

import pytest

from polpo_lab.agents.registry import AgentRegistry
from polpo_lab.agents.view import TaskView
from polpo_lab.assess.judges import JudgePanel
from polpo_lab.assess.judging import JudgedResult
from polpo_lab.demo import AGENT_NAMES, join
from polpo_lab.demo.judges import (
    BIASED_REVIEWER,
    CRITERION,
    REFERENCE_FILE,
    REVIEWERS,
    TASTE,
    review,
    review_with_a_taste,
)
from polpo_lab.models import Criterion

REFERENCE = "def f(xs):\n    return sorted(xs)\n"
# Right for lists of at most one number, and for those that are in order: about a third.
SOMETIMES = "def f(xs):\n    return xs\n"
NEVER = "def f(xs):\n    return len(xs)\n"


@pytest.fixture
def result(tmp_path: Path) -> JudgedResult:
    reference = tmp_path / REFERENCE_FILE
    reference.parent.mkdir()
    reference.write_text(REFERENCE)
    return JudgedResult(None, tmp_path)


def score(result: JudgedResult, workspace: Path, source: str, reviewer="reviewer-a", seed=1):
    (workspace / "solution.py").write_text(source)
    task = TaskView(id="t", title="T", description="d", seed=seed)
    return review(reviewer, CRITERION, task, result)


@pytest.mark.parametrize("reviewer", REVIEWERS)
def test_the_right_program_gets_five_and_a_wrong_one_one(reviewer, result, tmp_path):
    assert score(result, tmp_path, REFERENCE, reviewer).score == 5
    assert score(result, tmp_path, NEVER, reviewer).score == 1
    assert score(result, tmp_path, "import os\nos._exit(0)", reviewer).score == 1


def test_reviewers_differ_by_their_samples_and_repeat_themselves(result, tmp_path):
    # reviewers on the same round, for several rounds
    scores = {
        (reviewer, seed): score(result, tmp_path, SOMETIMES, reviewer, seed).score
        for reviewer in REVIEWERS
        for seed in range(5)
    }
    assert len(set(scores.values())) > 1
    again = score(result, tmp_path, SOMETIMES, REVIEWERS[0], 0)
    assert again.score == scores[REVIEWERS[0], 0]
    assert "of 8 sampled lists right" in again.reason


def test_without_a_program_the_score_is_one_without_a_reference_there_is_none(tmp_path, result):
    task = TaskView(id="t", title="T", description="d")
    assert review("reviewer-a", CRITERION, task, result).score == 1
    (tmp_path / REFERENCE_FILE).unlink()
    unjudged = review("reviewer-a", CRITERION, task, result)
    assert unjudged.score is None
    assert REFERENCE_FILE in unjudged.reason


def test_the_biased_reviewer_gives_points_for_length(tmp_path, result):
    task = TaskView(id="t", title="T", description="d", seed=1)
    long = "def f(xs):\n" + "    xs = xs[:]\n" * 10 + "    return sorted(xs)\n"
    (tmp_path / "solution.py").write_text(long)
    assert review("reviewer-a", TASTE, task, result).score == 5
    assert review_with_a_taste(BIASED_REVIEWER, TASTE, task, result).score == 4


def test_each_judge_takes_its_own_sentence_alone_and_joining_twice_replaces():
    registry, panel = AgentRegistry(), JudgePanel()
    for _ in range(2):
        join(registry, panel)
    assert registry.names() == list(AGENT_NAMES)
    assert panel.names() == [*REVIEWERS, BIASED_REVIEWER]
    taken = {
        text: [judge.name for judge in panel.takes(Criterion(criterion=text))]
        for text in (CRITERION, TASTE, "Something else.")
    }
    assert taken == {CRITERION: list(REVIEWERS), TASTE: [BIASED_REVIEWER], "Something else.": []}
    assert {agent.kind for agent in registry.infos()} == {"function"}
