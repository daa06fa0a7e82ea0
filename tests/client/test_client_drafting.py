"""What a user may write for a task, and what a wrong field is answered with."""

from __future__ import annotations

import base64

import pytest

from polpo_lab.errors import InvalidArgument, PolpoLabWarning
from polpo_lab.models import Criterion, FileExists, RetryPolicy, TaskCreate
from tests.client.scripted_server import FakePolpo

ASK = {"title": "t", "description": "d", "assign_to": "a"}


@pytest.fixture
def create(connect):
    p, server = connect(FakePolpo())

    def send(**fields):
        p.tasks.create(**ASK | fields)
        return server.seen[-1].json

    return send


def test_expectations_in_every_form(create):
    forms = ["polite", {"type": "test", "command": "make"}, Criterion(criterion="brief", weight=2)]
    expected = [
        {"criterion": "polite"},
        {"type": "test", "command": "make"},
        {"criterion": "brief", "weight": 2.0},
    ]
    assert create(expectations=forms)["expectations"] == expected
    assert create(expectations=tuple(forms))["expectations"] == expected
    assert create(expectations="polite")["expectations"] == expected[:1]
    one = FileExists(path="a.py")
    assert create(expectations=one)["expectations"] == [{"type": "file_exists", "path": "a.py"}]


def test_files_from_text_bytes_and_paths(create, tmp_path):
    (tmp_path / "text").write_text("é\r\n", newline="")
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    files = create(
        files={"a": "x", "b": b"\xff\x00", "c": tmp_path / "text", "d": tmp_path / "bytes"}
    )["files"]
    assert (files["a"], files["c"]) == ("x", "é\r\n")
    assert base64.b64decode(files["b"]["base64"]) == b"\xff\x00"
    assert files["d"] == files["b"]


def test_none_means_not_given(create):
    assert "group" not in create(group=None, retry_policy=None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"asign_to": "b"}, "'asign_to' is not a field; did you mean 'assign_to'?"),
        ({"assingTo": "b"}, "did you mean 'assign_to'?"),
        ({"agent": "b"}, "did you mean 'assign_to'?"),
        ({"expect": "b"}, "did you mean 'expectations'?"),
        ({"zzz": 1}, "'zzz' is not a field; known: title, description"),
        ({"maxRetries": 1, "max_retries": 2}, "'max_retries' is given twice"),
        ({"max_retries": -1}, "max_retries=-1: should be greater than or equal to 0"),
        ({"max_retries": "3"}, "max_retries='3': should be a valid integer"),
        ({"title": "  "}, "title='  ' must not be blank"),
        ({"title": None}, "title is missing"),
        ({"depends_on": "x"}, "depends_on='x': should be a valid list"),
        ({"expectations": 3}, "expectations=3 must be a text, a dict, a model, or a list"),
        ({"expectations": [{"criterion": "x", "treshold": 2}]},
         "expectations[0].treshold is not a field; did you mean 'threshold'?"),
        ({"expectations": ["x", {"criterion": "y", "threshold": 9}]},
         "expectations[1].threshold=9: should be less than or equal to 5"),
        ({"expectations": [{"type": "tst"}]}, "an expectation is an object with 'criterion'"),
        ({"files": {"a": 3}}, "files.a=3: should be a valid string"),
        ({"retry_policy": {"escalateAfter": 0}}, "retry_policy.escalateAfter=0"),
        ({"title": "\ud800"}, "title="),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_value_and_rule(create, fields, message):
    with pytest.raises(InvalidArgument) as caught:
        create(**fields)
    assert message in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert caught.value.__context__ is None


def test_all_wrong_fields_are_listed(create):
    with pytest.raises(InvalidArgument, match=r"title=.*; max_retries=-1.*; priority='high'"):
        create(title="", max_retries=-1, priority="high")


def test_a_file_that_cannot_be_read_is_named(create, tmp_path):
    with pytest.raises(InvalidArgument, match=r"files\['a'\].*nowhere' cannot be read: No such"):
        create(files={"a": tmp_path / "nowhere"})


def test_keywords_or_a_model_not_both(connect):
    p, server = connect(FakePolpo())
    with pytest.raises(InvalidArgument, match="not both: 'title'"):
        p.tasks.create(TaskCreate(**ASK), title="x")
    with pytest.raises(InvalidArgument, match="takes keywords or one TaskCreate, not 'hello'"):
        p.tasks.create("hello")
    with pytest.raises(InvalidArgument, match="changes nothing: give at least one of title"):
        p.tasks.update("task_1")
    with pytest.raises(InvalidArgument, match=r"update\(\): title=None"):
        p.tasks.update("task_1", title=None)
    with pytest.raises(InvalidArgument, match="feedback='': "):
        p.approvals.reject("ap_1", "")
    assert server.seen == []


def test_an_escalation_that_never_comes_is_warned_about_at_the_callers_line(create, connect):
    p, _ = connect(FakePolpo())
    with pytest.warns(PolpoLabWarning, match="escalate_after=3 is never reached with max_ret") as w:
        p.tasks.create(**ASK, max_retries=2, retry_policy=RetryPolicy(escalate_after=3))
    assert w[0].filename == __file__
    with pytest.warns(PolpoLabWarning, match="never reached") as w:
        p.run("a", "d", max_retries=0, retry_policy={"fallback_agent": "b"})
    assert w[0].filename == __file__
    assert create(max_retries=3, retry_policy=RetryPolicy(escalate_after=3))["maxRetries"] == 3
