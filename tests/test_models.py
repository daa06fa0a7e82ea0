"""Wire models: strict where we ask, lenient where we are answered, nothing lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, InvalidResponse
from polpo_lab.models import (
    AgentInfo,
    Approval,
    Assessment,
    Attempt,
    Check,
    Criterion,
    DoneEvent,
    Event,
    Expectation,
    ExpectedOutcome,
    FileExists,
    Health,
    LlmReview,
    RetryPolicy,
    Script,
    StatusEvent,
    Task,
    TaskCreate,
    TaskResult,
    TaskUpdate,
    TestCommand,
    UnknownEvent,
    UnknownExpectation,
    Usage,
    parse_event,
)

NEEDED = {"title": "Sort", "description": "Write sort.py", "assignTo": "writer"}
RESPONSES = [AgentInfo, Approval, Assessment, Attempt, Check, Health, Task, TaskResult, Usage]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
whole = st.integers(min_value=0, max_value=2**53 - 1)
json_values = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "weight": st.floats(0.001, 1000),
        "required": st.booleans(),
        "role": st.sampled_from(["gate", "outcome"]),
        "hidden": st.booleans(),
    },
)
forms = st.one_of(
    st.builds(lambda text, more: Criterion(criterion=text, **more), texts, options),
    st.builds(lambda text, more: LlmReview(criteria=text, **more), texts, options),
    st.builds(lambda text, more: TestCommand(command=text, **more), texts, options),
    st.builds(lambda text, more: Script(command=text, **more), texts, options),
    st.builds(
        lambda paths, more: FileExists(paths=paths, **more), st.lists(texts, min_size=1), options
    ),
)
creates = st.fixed_dictionaries(
    {"title": texts, "description": texts, "assign_to": texts},
    optional={
        "group": st.none() | texts,
        "depends_on": st.lists(texts, max_size=3),
        "expectations": st.lists(forms, max_size=3),
        "max_retries": st.integers(0, 1_000_000),
        "priority": st.integers(-(2**53) + 1, 2**53 - 1),
        "side_effects": st.booleans(),
        "retry_policy": st.none()
        | st.integers(1, 9).map(lambda after: RetryPolicy(escalate_after=after)),
        "files": st.dictionaries(
            texts, st.text(st.characters(exclude_categories=["Cs"])), max_size=2
        ),
        "seed": st.none() | whole,
    },
).map(lambda fields: TaskCreate(**fields))


@given(creates)
def test_a_request_comes_back_from_the_wire_as_it_was_sent(create):
    sent = json.dumps(create.wire())
    assert TaskCreate.model_validate_json(sent) == create


@given(creates)
def test_the_wire_speaks_camel_case_and_only_of_what_was_set(create):
    known = {to_camel(name) for name in TaskCreate.model_fields}
    assert set(create.wire()) == {to_camel(name) for name in create.model_fields_set} <= known


@given(
    st.sampled_from(RESPONSES),
    st.dictionaries(st.from_regex(r"x[A-Z][a-z]{1,8}", fullmatch=True), json_values, max_size=4),
)
def test_what_a_server_says_beyond_the_contract_is_kept_and_given_back(model, extras):
    least = {
        AgentInfo: {"name": "a"},
        Approval: {"id": "p"},
        Attempt: {"attempt": 1},
        Task: {"id": "t"},
    }
    body = least.get(model, {}) | extras
    assert model.read(json.dumps(body)).wire() == body


@given(st.dictionaries(texts, json_values, max_size=4), texts)
def test_an_unknown_event_is_kept_as_it_came(payload, name):
    event = parse_event(f"x-{name}", json.dumps(payload), 7)
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.data, event.event_id) == (f"x-{name}", payload, 7)


def test_both_spellings_make_the_same_request():
    camel = TaskCreate.model_validate(
        {"title": "Sort", "description": "Write", "assignTo": "writer"}
    )
    assert camel == TaskCreate(title="Sort", description="Write", assign_to="writer")


@pytest.mark.parametrize("model", [TaskCreate, TaskUpdate, RetryPolicy, ExpectedOutcome])
def test_a_request_refuses_a_field_it_does_not_know(model):
    with pytest.raises(ValidationError) as refusal:
        model.model_validate({"maxRetrys": 2})
    assert ("extra_forbidden", ("maxRetrys",)) in [
        (e["type"], e["loc"]) for e in refusal.value.errors()
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": " \n "},
        {"title": 5},
        {"description": None},
        {"maxRetries": -1},
        {"maxRetries": "3"},
        {"maxRetries": True},
        {"maxDuration": 0},
        {"priority": 2**53},
        {"sideEffects": "yes"},
        {"seed": -1},
        {"retryPolicy": {"escalateAfter": 0}},
        {"maxFixAttempts": -1},
        {"files": {"": "x"}},
        {"files": {"a": {"base64": "not base64!"}}},
        {"expectations": ["a bare text"]},
        {"expectations": [{"type": "guess"}]},
        {"expectations": [{"type": "file_exists"}]},
        {"expectations": [{"type": "file_exists", "path": "a", "paths": ["b"]}]},
        {"expectations": [{"type": "llm_review"}]},
        {"expectations": [{"criterion": "neat", "threshold": 6}]},
        {"expectations": [{"criterion": "neat", "weight": 0}]},
        {"expectedOutcomes": [{"type": "file"}]},
        {"expectedOutcomes": [{"type": "song"}]},
    ],
    ids=repr,
)
def test_a_request_that_breaks_a_rule_names_the_field(wrong):
    with pytest.raises(ValidationError) as refusal:
        TaskCreate.model_validate(NEEDED | wrong)
    assert {error["loc"][0] for error in refusal.value.errors()} == set(wrong)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: polpo.Policy(max_retrys=1), "'max_retrys' is not a field; did you mean 'max_re"),
        (lambda: polpo.Policy(max_retries="3"), "max_retries='3': should be a valid integer"),
        (lambda: polpo.FileExists(pth="x"), "'pth' is not a field; did you mean 'path'"),
        (lambda: polpo.Template(id="x", title="T", descripton="d"), "description is missing"),
        (
            lambda: polpo.CriteriaSet(expectations=[{"type": "test", "comand": "x"}]),
            r"expectations\[0\]\.comand is not a field; did you mean 'command'",
        ),
    ],
)
def test_who_makes_a_request_by_hand_is_told_in_our_words(make, words):
    with pytest.raises(InvalidArgument, match=words):
        make()


def test_an_update_tells_absent_from_null():
    assert TaskUpdate(group=None).wire() == {"group": None}
    assert TaskUpdate(priority=0).wire() == {"priority": 0}
    assert TaskUpdate().wire() == {}
    with pytest.raises(ValidationError):
        TaskUpdate.model_validate({"title": None})


@pytest.mark.parametrize(
    ("body", "form", "hidden"),
    [
        ({"criterion": "polite"}, Criterion, False),
        ({"type": "llm_review", "prompt": "Is it neat?"}, LlmReview, False),
        ({"type": "test", "command": "pytest"}, TestCommand, True),
        ({"type": "script", "command": "./run"}, Script, True),
        ({"type": "file_exists", "path": "a.txt"}, FileExists, False),
    ],
)
def test_each_form_of_expectation_is_told_apart_and_hidden_by_the_contract(body, form, hidden):
    expectation = TypeAdapter(Expectation).validate_python(body)
    assert type(expectation) is form
    assert expectation.is_hidden is hidden
    assert expectation.wire() == body


def test_a_task_with_expectations_of_tomorrow_keeps_them():
    body = {
        "id": "t",
        "expectations": [{"type": "telepathy", "strength": 3}, {"criterion": "neat"}],
    }
    task = Task.read(json.dumps(body))
    assert [type(each) for each in task.expectations or ()] == [UnknownExpectation, Criterion]
    assert task.wire() == body


def test_null_is_as_good_as_absent_and_defaults_are_the_contract_s():
    task = Task.read('{"id": "t", "title": null, "maxRetries": null, "priority": null}')
    assert (task.title, task.max_retries, task.priority, task.side_effects) == ("", 3, 0, False)


@pytest.mark.parametrize("body", ["", "[]", "null", "<html>", '{"title": "no id"}'])
def test_what_is_not_the_object_is_our_error_and_names_it(body):
    with pytest.raises(InvalidResponse, match="not a Task"):
        Task.read(body)


@given(st.integers(0, 4_000_000_000), st.integers(-12, 12))
def test_times_are_utc_with_milliseconds_on_the_wire(seconds, hours):
    local = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))
    task = Task.model_validate({"id": "t", "createdAt": local})
    assert task.created_at == local
    spelled = task.wire()["createdAt"]
    assert spelled.endswith(".000Z")
    assert datetime.fromisoformat(spelled) == local.astimezone(UTC)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("status", '{"taskId": "t", "from": "draft", "status": "pending", "attempt": 1}', "status"),
        ("phase", '{"taskId": "t", "phase": null}', "phase"),
        ("output", '{"text": "hi", "stream": "stdout"}', "output"),
        ("tool_use", '{"id": "1", "tool": "sh", "input": {"a": 1}, "durationMs": 3.5}', "tool_use"),
        (
            "assessment",
            '{"score": 4.5, "passed": true, "checks": [], "trigger": "fix"}',
            "assessment",
        ),
        ("done", '{"taskId": "t", "status": "done", "passed": true}', "done"),
        ("error", '{"code": "crash", "message": "no", "fatal": false}', "error"),
    ],
)
def test_an_event_of_the_contract_is_typed_and_loses_nothing(name, data, kind):
    event = parse_event(name, data, 3)
    assert (event.type, event.event_id) == (kind, 3)
    assert event.wire() == json.loads(data)
    again = TypeAdapter(Event).validate_python(event)
    assert again is event


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"text": "a"}', "a"),
        ('{"content": "b"}', "b"),
        ('{"delta": "c"}', "c"),
        ('"d"', "d"),
        ("plain\u2028text", "plain\u2028text"),
    ],
)
def test_output_of_other_servers_is_read_wherever_it_stands(data, text):
    assert parse_event("output", data).text == text


def test_payloads_wrapped_in_data_are_unwrapped():
    event = parse_event("status", '{"data": {"status": "done", "taskId": "t"}}')
    assert isinstance(event, StatusEvent)
    assert event.status == "done"


@pytest.mark.parametrize("data", ["", "]", "[" * 100_000, '{"status": {}}', "null", "NaN"])
def test_no_payload_makes_an_event_fail(data):
    for name in ("status", "assessment", "done", "error", "output", "tool_use", "phase"):
        assert parse_event(name, data).event_id is None


def test_a_done_without_status_is_a_done():
    assert isinstance(parse_event("done", "{}"), DoneEvent)
