"""Suites out of DataFrames: columns, formats and functions; a missing cell is an absent field."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, InvalidSuite

QUESTIONS = pd.DataFrame(
    {
        "question": ["What is 1 + 1?", "What is the capital of France?"],
        "answer": ["2", "Paris"],
        "topic": ["sums", "places"],
        "level": [1, 2],
        "hint": ["it is even", None],
        "table": ["1,2", np.nan],
    },
    index=["q1", "q2"],
)


def test_fields_come_of_columns_formats_and_functions():
    suite = polpo.Suite.from_frame(
        QUESTIONS,
        id="index",
        title="Question {index} of {topic}",
        description=lambda row: f"{row['question']} Answer in one word.",
        family="topic",
        files={"data.csv": "table", "raw.bin": b"\x00\xff"},
        expect=[
            "The answer is {answer}.",
            "It is one word",
            "hint",
            {"type": "file_exists", "path": "answer.txt"},
            polpo.Script(command="test -s answer.txt"),
            lambda row: {"type": "test", "command": f"grep -qx {row['answer']} answer.txt"},
        ],
        tags=["topic", "level"],
        metadata=["level", "table"],
        name="questions",
        families="fixed",
    )
    assert (suite.name, suite.families) == ("questions", "fixed")
    first, second = suite
    assert (first.id, first.title, first.family) == ("q1", "Question q1 of sums", "sums")
    assert first.description == "What is 1 + 1? Answer in one word."
    assert list(first.files) == ["data.csv", "raw.bin"]
    assert [e.label for e in first.expectations] == [
        "The answer is 2.", "It is one word", "it is even", "answer.txt", "test -s answer.txt",
        "grep -qx 2 answer.txt",
    ]  # fmt: skip
    assert (first.tags, first.metadata) == (["sums", "1"], {"level": 1, "table": "1,2"})
    # The second row has neither a hint nor a table.
    assert list(second.files) == ["raw.bin"]
    assert len(second.expectations) == 5
    assert second.metadata == {"level": 2}


def test_columns_called_as_fields_need_no_words():
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "description": ["Say hi\nto Ada", "Say bye"],
            "family": [1.0, np.nan],
            "tags": ["easy; short", ["hard"]],
            "expectations": ['[{"criterion": "polite"}, "brief"]', "polite"],
            "max_duration": pd.array([10, pd.NA], dtype="Int64"),
            "ignored": [0, 0],
        }
    )
    first, second = polpo.Suite.load(frame)
    assert (first.id, first.title, first.family) == ("1", "Say hi", "1")
    assert (first.tags, second.tags) == (["easy", "short"], ["hard"])
    assert [e.criterion for e in first.expectations] == ["polite", "brief"]
    assert (first.max_duration, second.max_duration, second.family) == (10, None, None)


def test_a_csv_file_means_the_same_whoever_reads_it(tmp_path):
    path = tmp_path / "greetings.csv"
    path.write_text(
        "title,description,family,tags,expectations,files.names.txt,maxDuration,metadata.level\n"
        "Greet Ada,Write greeting.txt.,short,easy; polite,It is polite,Ada,1000,1\n"
        'Greet Bob,Write greeting.txt.,,,"[{""type"":""test"",""command"":""true""}]",7,,2\n'
    )
    ours, theirs = polpo.Suite.load(path), polpo.Suite.load(pd.read_csv(path))
    assert theirs.hash == ours.hash
    assert theirs[0].files == {"names.txt": "Ada"}
    assert [t.max_duration for t in theirs] == [1000, None]
    pd.read_csv(path).to_csv(path, index=False)  # whole numbers beside empty cells: 1000.0
    assert polpo.Suite.load(path).hash == ours.hash


def test_a_column_that_looks_like_a_misspelled_field_is_refused():
    frame = pd.DataFrame({"title": ["A"], "description": ["B"], "famly": ["f"], "answer": ["x"]})
    with pytest.raises(InvalidSuite, match="the columns: column 'famly' is not a field; did you"):
        polpo.Suite.load(frame)


def test_numbers_become_the_text_of_files():
    frame = pd.DataFrame({"title": ["A", "B"], "description": "C", "n": [1, np.nan]})
    assert [t.files for t in polpo.Suite.from_frame(frame, files={"n.txt": "n"})] == [
        {"n.txt": "1"},
        {},
    ]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_a_missing_cell_that_is_needed_is_a_problem_of_its_row(missing):
    frame = pd.DataFrame({"q": ["fine", missing], "a": [missing, "x"]}, dtype=object)
    with pytest.raises(InvalidSuite) as caught:
        polpo.Suite.from_frame(frame, title="{index}", description="q", expect="The {a} it is")
    assert caught.value.problems == (
        "row 0: expect needs the cell of 'a', which is empty",
        "row 1: description is missing",
    )


def test_metadata_may_be_one_column_or_a_column_of_objects():
    of_one = polpo.Suite.from_frame(QUESTIONS, description="question", metadata="level")
    assert [t.metadata for t in of_one] == [{"level": 1}, {"level": 2}]
    whole = QUESTIONS.assign(about=[{"x": np.int64(1)}, None])
    of_objects = polpo.Suite.from_frame(whole, description="question", metadata="about")
    assert [t.metadata for t in of_objects] == [{"x": 1}, {}]


def test_a_function_that_fails_is_a_problem_of_its_row():
    with pytest.raises(InvalidSuite, match="row q1: the function for family failed with KeyError"):
        polpo.Suite.from_frame(QUESTIONS, description="question", family=lambda row: row["nope"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"description": "qestion"}, "the frame has no such column; did you mean 'question'?"),
        ({"description": "{qestion} ?"}, "no such column; did you mean 'question'?"),
        ({"description": "question", "expect": "anwser"}, "did you mean 'answer'?"),
        ({"description": "{question"}, "is no format string"),
        ({"description": "question", "tags": 3}, "tags=3 must be a column's name or a list"),
        ({}, "description='description': the frame has no such column"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_nearest(columns, message):
    with pytest.raises(InvalidArgument) as caught:
        polpo.Suite.from_frame(QUESTIONS, **columns)
    assert message in str(caught.value)


def test_equal_titles_are_no_ids():
    with pytest.raises(InvalidSuite, match="row 1: the id 'same' is taken already, by row 0"):
        polpo.Suite.from_frame(pd.DataFrame({"title": ["Same", "Same"], "description": ["a", "b"]}))


def test_two_columns_of_one_name_are_refused():
    frame = pd.DataFrame([["a", "b"]], columns=["description", "description"])
    with pytest.raises(InvalidArgument, match="two columns 'description'"):
        polpo.Suite.load(frame)


def test_only_frames_are_frames():
    with pytest.raises(InvalidArgument, match="from_frame takes a DataFrame, not list"):
        polpo.Suite.from_frame([{"description": "d"}])


def test_a_suite_is_a_frame_to_merge_with():
    frame = polpo.Suite.load("list-functions").frame()
    assert len(frame) == 130
    assert frame["template"].is_unique
    assert frame["family"].dtype == "category"
    assert set(frame["metadata.difficulty"]) == {"easy", "medium", "hard", "very hard"}
    assert (frame["gates"] == 3).all()
    assert (frame["outcomes"] == 2).all()
    # The reference programs are no plain values, and stay where they are.
    assert "metadata.reference" not in frame
