"""What an agent is told of an assessment, and what never reaches it."""

from polpo_lab.assess.feedback import EVIDENCE_CHARACTERS, FEEDBACK_CHARACTERS, feedback_of
from polpo_lab.models import (
    Check,
    Criterion,
    DimensionScore,
    FileExists,
    Outcome,
    Reviewer,
    TestCommand,
)


def check_of(expectation, index=0, **fields):
    return Check(
        index=index,
        name=expectation.label,
        type=expectation.kind,
        role=expectation.role,
        required=expectation.required,
        hidden=expectation.is_hidden,
        **fields,
    )


def test_a_failed_check_is_told_with_message_and_evidence():
    expectation = TestCommand(command="pytest -q", hidden=False)
    check = check_of(expectation, passed=False, message="exit code 1", evidence="1 failed")
    assert feedback_of([check], [expectation], []) == ("Failed: 'pytest -q': exit code 1\n1 failed")


def test_a_hidden_check_is_told_by_name_and_verdict_only():
    expectation = TestCommand(command="python secret.py", name="random cases")
    check = check_of(expectation, passed=False, message="exit 1", evidence="f(3) should be 9")
    assert feedback_of([check], [expectation], []) == "Failed: 'random cases'."


def test_a_hidden_check_without_a_name_does_not_tell_its_command():
    expectations = [TestCommand(command="grep 42 a.txt"), Criterion(criterion="42", hidden=True)]
    checks = [check_of(e, i, passed=i == 1, message="42") for i, e in enumerate(expectations)]
    told = feedback_of(checks, expectations, [])
    assert "42" not in told
    assert "hidden test (expectation 1)" in told
    assert "Passed: hidden criterion (expectation 2)." in told


def test_checks_of_role_outcome_are_never_mentioned():
    expectation = TestCommand(command="x", name="the truth", role="outcome", hidden=False)
    for passed in (True, False, None):
        check = check_of(expectation, passed=passed, message="m", evidence="e")
        assert feedback_of([check], [expectation], []) == ""


def test_reviewers_reasons_are_told():
    expectation = Criterion(criterion="is polite")
    scores = [DimensionScore(dimension="overall", score=2, reasoning="no greeting")]
    reviewers = [
        Reviewer(index=1, name="rule", score=2, scores=scores),
        Reviewer(index=2, name="broken", error="ZeroDivisionError"),
    ]
    check = check_of(expectation, passed=False, message="score 2", reviewers=reviewers)
    told = feedback_of([check], [expectation], [])
    assert "rule, overall 2: no greeting" in told
    assert "ZeroDivisionError" not in told


def test_unmet_outcomes_are_told_with_their_reason():
    unmet = Outcome(type="file", path="a.csv", passed=False, message="'a.csv' is not there")
    assert feedback_of([], [], [unmet]) == "Failed: expected file 'a.csv': 'a.csv' is not there"


def test_what_could_not_be_judged_and_what_is_not_required_is_told_as_such():
    expectations = [Criterion(criterion="c", name="style"), FileExists(path="x", required=False)]
    checks = [
        check_of(expectations[0], 0, passed=None, error="boom"),
        check_of(expectations[1], 1, passed=False, message="'x' is missing"),
    ]
    assert feedback_of(checks, expectations, []) == (
        "Failed (not required): 'x': 'x' is missing\n\nCould not be judged: 'style'."
    )


def test_evidence_is_bounded_and_keeps_its_end():
    expectation = TestCommand(command="t", hidden=False)
    evidence = "x" * 1_000_000 + "the last words"
    check = check_of(expectation, passed=False, message="m", evidence=evidence)
    told = feedback_of([check], [expectation], [])
    assert told.endswith("the last words")
    assert len(told) < EVIDENCE_CHARACTERS + 200


def test_the_whole_is_bounded():
    expectation = TestCommand(command="t", hidden=False)
    check = check_of(expectation, passed=False, message="m", evidence="x" * 10_000)
    told = feedback_of([check] * 100, [expectation], [])
    assert len(told) <= FEEDBACK_CHARACTERS + 10


def test_braces_and_percents_of_an_agent_are_text():
    expectation = TestCommand(command="t", hidden=False)
    check = check_of(expectation, passed=False, message="{0} %s", evidence="{name} %d {")
    assert feedback_of([check], [expectation], []).endswith("{0} %s\n{name} %d {")
