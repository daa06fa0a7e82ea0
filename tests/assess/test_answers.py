"""What judges answer: which answers are scores, and what a review makes of them."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from polpo_lab.assess.answers import OVERALL, REASON_CHARACTERS, consensus_scores, reviewer_from
from polpo_lab.assess.judging import JudgedResult, plain_answer
from polpo_lab.assess.score import Score
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import DEFAULT_DIMENSIONS


def read(answer, dimensions=(OVERALL,)):
    return reviewer_from(plain_answer(answer), dimensions, index=1, name="j")


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (Score(4, "good"), 4),
        (Score(3.5), 4),
        (Score(3.49), 3),
        (1, 1),
        (5.0, 5),
        (np.int64(2), 2),
        (np.float32(4.5), 5),
        (Fraction(7, 2), 4),
        (Decimal("2.4"), 2),
    ],
)
def test_scores_are_rounded_half_up(answer, score):
    assert read(answer).score == score


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (True, "the score is True: it must be a number from 1 to 5, such as 5"),
        (Score(np.False_), "the score is False"),
        (Score(None, "no solution to read"), "could not judge: no solution to read"),
        (None, "could not judge: no reason given"),
        (0, "the score is 0.0: it must lie from 1 to 5"),
        (0.8, "0.8"),
        (5.1, "5.1"),
        (-3, "-3"),
        (float("nan"), "the score is nan"),
        (float("inf"), "the score is inf"),
        (10**400, "the score is a int"),
        ("5", "the score is a str"),
        (Score("high"), "the score is a str"),
        ([5], "the score is a list"),
        ({"score": 5}, "the score is a dict"),
    ],
)
def test_what_is_no_score_is_refused_by_value_and_rule(answer, words):
    with pytest.raises(InvalidArgument) as refusal:
        read(answer)
    assert words in str(refusal.value)


def test_a_score_counts_for_every_dimension_unless_one_is_given():
    given = Score(3, "fair", {"correctness": (5, "all cases"), "edge_cases": 1})
    reviewer = read(given, DEFAULT_DIMENSIONS)
    assert [(s.dimension, s.score, s.reasoning) for s in reviewer.scores] == [
        ("correctness", 5, "all cases"),
        ("completeness", 3, "fair"),
        ("code_quality", 3, "fair"),
        ("edge_cases", 1, ""),
    ]
    # (5 x .35 + 3 x .30 + 3 x .20 + 1 x .15) / 1.00
    assert reviewer.score == pytest.approx(3.40)


def test_dimensions_alone_are_enough_if_none_is_missing():
    every = {d.name: (4, "") for d in DEFAULT_DIMENSIONS}
    assert read(Score(None, "", every), DEFAULT_DIMENSIONS).score == 4
    del every["edge_cases"]
    with pytest.raises(InvalidArgument, match="could not judge for edge_cases"):
        read(Score(None, "", every), DEFAULT_DIMENSIONS)


def test_an_unknown_dimension_is_refused_with_the_nearest():
    with pytest.raises(InvalidArgument, match=r"'corectness'.*did you mean 'correctness'"):
        read(Score(3, "", {"corectness": (3, "")}), DEFAULT_DIMENSIONS)
    with pytest.raises(InvalidArgument, match="dimensions must be a dict"):
        read(Score(3, "", [("correctness", 3)]), DEFAULT_DIMENSIONS)


def test_reasons_are_bounded_and_valid_text():
    reviewer = read(Score(3, "x\ud800" * REASON_CHARACTERS))
    reviewer.reason.encode()
    assert len(reviewer.reason) <= REASON_CHARACTERS


def test_consensus_marks_what_it_dropped_and_keeps_the_nearest_reason():
    reviewers = [read(Score(s, f"says {s}")) for s in (5, 4, 2)]
    (agreed,) = consensus_scores(reviewers, [OVERALL])
    assert (agreed.score, agreed.disagreement, agreed.reasoning) == (5, True, "says 5")
    assert [r.scores[0].kept for r in reviewers] == [True, True, False]


def test_the_files_of_a_result_are_read_when_asked_for_and_only_inside(tmp_path):
    folder = tmp_path / "workspace"
    (folder / "sub").mkdir(parents=True)
    (folder / ".polpo").mkdir()
    (folder / ".polpo" / "task.json").write_text("{}")
    (folder / "a.txt").write_bytes(b"caf\xc3\xa9 \xff")
    (folder / "sub" / "b.py").write_text("pass")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to("../secret")
    (folder / "up").symlink_to("..")
    files = JudgedResult(None, folder).files
    assert list(files) == ["a.txt", "sub/b.py"]
    assert len(files) == 2
    assert files["a.txt"] == "café \ufffd"
    assert files.get("missing", "none") == "none"
    for path in ("link", "up/secret", "../secret", str(tmp_path / "secret"), "sub", "a\0b"):
        assert path not in files
        with pytest.raises(KeyError):
            files[path]


def test_a_result_without_text_has_empty_content(tmp_path):
    assert JudgedResult(None, tmp_path).content == ""
