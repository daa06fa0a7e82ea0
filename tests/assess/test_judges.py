"""Who may be a judge, what it takes, and what a panel says when nobody does."""

import re
import threading

import pytest

from polpo_lab.assess.judges import JudgePanel, judge
from polpo_lab.assess.score import Score
from polpo_lab.errors import InvalidArgument, NotPicklable
from polpo_lab.models import Criterion, FileExists, LlmReview, TestCommand


def polite(criterion, task, result):
    return Score(5 if "Hello" in result.content else 1, "looks for a greeting")


def criterion(text):
    return Criterion(criterion=text)


@pytest.mark.parametrize(
    ("match", "text", "taken"),
    [
        (None, "anything", True),
        ("polite", "The greeting is POLITE", True),
        ("polite", "The greeting is rude", False),
        (re.compile(r"^The \w+ is"), "The greeting is polite", True),
        (re.compile(r"^greeting"), "The greeting is polite", False),
        (lambda text: len(text) < 5, "tiny", True),
        (lambda text: len(text) < 5, "not tiny", False),
    ],
)
def test_what_a_judge_takes(match, text, taken):
    assert judge(match=match)(polite).takes(criterion(text)) is taken


def test_a_judge_takes_reviews_by_criteria_and_prompt():
    on_style = judge(match="style")(polite)
    assert on_style.takes(LlmReview(criteria="Code style"))
    assert on_style.takes(LlmReview(criteria="Correct", prompt="Mind the style."))
    assert not on_style.takes(LlmReview(criteria="Correct"))


def test_a_judge_takes_nothing_that_is_run_or_looked_up():
    takes_all = judge(polite)
    assert not takes_all.takes(TestCommand(command="true"))
    assert not takes_all.takes(FileExists(path="a"))


def test_a_judge_is_named_and_versioned_by_its_function():
    one = judge(polite)
    assert (one.name, one.isolation) == ("polite", "worker")
    assert one.version == judge(match="x", name="other")(polite).version
    assert one.version != judge(version="2")(polite).version


def test_what_cannot_be_called_as_a_judge_is_refused():
    with pytest.raises(InvalidArgument, match=r"'two' must take \(criterion, task, result\)"):

        @judge
        def two(criterion, task):
            return 3

    with pytest.raises(InvalidArgument, match="needs a name"):
        judge(lambda criterion, task, result: 3)
    with pytest.raises(InvalidArgument, match="match=7"):
        judge(match=7)(polite)
    with pytest.raises(InvalidArgument, match="isolation='thread'"):
        judge(isolation="thread")(polite)
    with pytest.raises(InvalidArgument, match="must be a function, not int"):
        judge(name="five")(5)


def test_what_cannot_travel_to_a_worker_is_refused_by_name():
    lock = threading.Lock()

    def guarded(criterion, task, result):
        with lock:
            return 3

    with pytest.raises(NotPicklable, match=r"judge 'guarded'.*'lock'"):
        judge(guarded)
    assert judge(isolation="inline")(guarded).name == "guarded"


def test_a_panel_keeps_the_order_and_replaces_by_name():
    panel = JudgePanel([judge(name="a")(polite), judge(match="x", name="b")(polite)])
    panel.add(judge(match="y", name="a")(polite))
    assert panel.names() == ["a", "b"]
    assert [j.name for j in panel.takes(criterion("x and y"))] == ["a", "b"]
    assert [j.name for j in panel.takes(criterion("x"))] == ["b"]


def test_a_criterion_that_nobody_takes_is_refused_with_the_way_out():
    panel = JudgePanel([judge(match="polite")(polite)])
    refusal = panel.refusal(criterion("Runs in O(n)"))
    assert "no judge takes 'Runs in O(n)'" in refusal
    assert "@lab.judge(match=...)" in refusal
    assert "'polite'" in refusal
    assert panel.refusal(criterion("Is polite")) is None
    assert panel.refusal(TestCommand(command="true")) is None


def test_a_match_function_that_fails_is_named():
    def match(text):
        raise KeyError(text)

    panel = JudgePanel([judge(match=match, name="fragile")(polite)])
    assert "match function of judge 'fragile' failed" in panel.refusal(criterion("x"))
