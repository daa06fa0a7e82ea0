"""What a request may say: each rule of a task's fields, and the words of its refusal."""

from __future__ import annotations

import json

import pytest

TASK = {"title": "t", "description": "d", "assignTo": "ok"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(shared_api):
    return shared_api


@pytest.fixture(scope="module")
def judged(shared_lab):
    @shared_lab.judge(match="polite", isolation="inline")
    def polite(criterion, task, result):
        return 5


def refused(api, **fields):
    before = api.http.get("/tasks").json()
    body = json.dumps({**TASK, **fields})
    status, error = api.refusal("POST", "/tasks", content=body, headers=JSON)
    assert (status, error["code"]) == (422, "VALIDATION_ERROR")
    assert error["details"]["fields"][0]["field"] in error["message"]
    assert api.http.get("/tasks").json() == before
    return error["message"]


def test_every_field_of_the_contract_is_accepted_and_given_back(api, judged):
    fields = {
        **TASK,
        "group": "g",
        "dependsOn": ["not there yet"],
        "expectations": [
            {"criterion": "is polite", "threshold": 4, "weight": 2, "name": "manners"},
            {
                "type": "llm_review",
                "criteria": "polite",
                "dimensions": [{"name": "a", "weight": 1}],
            },
            {"type": "test", "command": "true", "checkFiles": {"x.py": "1"}, "timeout": 5},
            {"type": "script", "command": "exit 3", "expectExitCode": 3, "role": "outcome"},
            {"type": "file_exists", "paths": ["a", "b/c"], "required": False, "hidden": True},
        ],
        "expectedOutcomes": [{"type": "file", "path": "out.txt"}, {"type": "json"}],
        "maxRetries": 0,
        "priority": -3,
        "sideEffects": True,
        "maxDuration": 1000,
        "retryPolicy": {"escalateAfter": 2, "fallbackAgent": "ok", "escalateModel": "large"},
        "maxFixAttempts": 1,
        "files": {"in.txt": "text", "in.bin": {"base64": "AAEC/w=="}},
        "seed": 7,
    }
    answer = api.http.post("/tasks", json=fields)
    assert answer.status_code == 201, answer.text
    assert fields.items() <= answer.json().items()
    assert fields.items() <= api.get(answer.json()["id"]).items()


def test_what_is_not_given_has_the_contracts_defaults(api):
    task = api.create()
    assert task["id"].startswith("task_")
    assert len(task["id"]) >= len("task_") + 12
    assert (task["status"], task["phase"], task["retries"]) == ("draft", None, 0)
    assert (task["priority"], task["sideEffects"], task["maxRetries"]) == (0, False, 3)
    assert task["createdAt"].endswith("Z")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"asignTo": "ok"}, "asignTo: unknown field; did you mean 'assignTo'?"),
        ({"assign_to": "ok"}, "assign_to: unknown field; did you mean 'assignTo'?"),
        (
            {"retryPolicy": {"escalateAftr": 1}},
            "retryPolicy.escalateAftr: unknown field; did you mean 'escalateAfter'?",
        ),
        (
            {"expectations": [{"criterion": "polite", "treshold": 3}]},
            "expectations.0.treshold: unknown field; did you mean 'threshold'?",
        ),
        (
            {"expectations": [{"type": "script", "command": "x", "expectedExitCode": 1}]},
            "expectations.0.expectedExitCode: unknown field; did you mean 'expectExitCode'?",
        ),
        (
            {"expectedOutcomes": [{"type": "file", "path": "x", "requird": True}]},
            "expectedOutcomes.0.requird: unknown field; did you mean 'required'?",
        ),
        (
            {"files": {"a.bin": {"base64": "", "base65": "AAEC"}}},
            "files.a.bin.base65: unknown field; did you mean 'base64'?",
        ),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_one(api, judged, fields, words):
    assert words in refused(api, **fields)


def test_a_whole_number_may_be_written_with_a_point(api):
    """As JSON has one kind of numbers, and a column of pandas with gaps holds 3.0."""
    task = api.create(
        seed=3.0, priority=-1e3, maxRetries=0.0, maxDuration=2e3, retryPolicy={"escalateAfter": 2.0}
    )
    told = [task[name] for name in ("seed", "priority", "maxRetries", "maxDuration", "retryPolicy")]
    assert told == [3, -1000, 0, 2000, {"escalateAfter": 2}]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title": ""}, "title: must not be empty"),
        ({"title": "  \n"}, "title: must not be blank"),
        ({"title": 3}, "title: must be a valid string, not 3"),
        ({"description": None}, "description: must be a valid string, not null"),
        ({"dependsOn": "a"}, "dependsOn: must be a valid list, not 'a'"),
        ({"dependsOn": [""]}, "dependsOn.0: must not be empty"),
        ({"maxRetries": "3"}, "maxRetries: must be a valid integer, not '3'"),
        ({"maxRetries": True}, "maxRetries: must be a valid integer, not true"),
        ({"maxRetries": None}, "maxRetries: must be a valid integer, not null"),
        ({"maxRetries": -1}, "maxRetries: must be greater than or equal to 0, not -1"),
        ({"maxDuration": 0}, "maxDuration: must be greater than 0, not 0"),
        ({"maxFixAttempts": -1}, "maxFixAttempts: must be greater than or equal to 0"),
        ({"priority": 1.5}, "priority: must be a valid integer, not 1.5"),
        ({"priority": 10**30}, "priority: must be less than or equal to 9007199254740991"),
        ({"priority": 10**400}, "not a number that long"),
        ({"seed": -1}, "seed: must be greater than or equal to 0"),
        ({"sideEffects": "yes"}, "sideEffects: must be a valid boolean, not 'yes'"),
        (
            {"retryPolicy": {"escalateAfter": 0}},
            "escalateAfter: must be greater than or equal to 1",
        ),
        ({"expectations": ["is polite"]}, "an expectation is an object with 'criterion'"),
        (
            {"expectations": [{"type": "tset", "command": "x"}]},
            "llm_review, test, script or file_exists, not 'tset'; did you mean 'test'?",
        ),
        ({"expectations": [{}]}, "llm_review, test, script or file_exists"),
        ({"expectations": [{"type": "test"}]}, "expectations.0.command: is required"),
        (
            {"expectations": [{"type": "llm_review", "criteria": "polite", "dimensions": []}]},
            "expectations.0.dimensions: must have at least 1 item",
        ),
        ({"expectations": [{"type": "file_exists"}]}, "needs 'path' or 'paths'"),
        ({"expectations": [{"type": "llm_review"}]}, "needs 'criteria' or 'prompt'"),
        (
            {"expectations": [{"criterion": "polite", "threshold": 6}]},
            "expectations.0.threshold: must be less than or equal to 5, not 6",
        ),
        ({"expectedOutcomes": [{"type": "file"}]}, "type 'file' needs a 'path'"),
        (
            {"expectedOutcomes": [{"type": "fil"}]},
            "must be 'file', 'text', 'url', 'json' or 'media', not 'fil'; did you mean 'file'?",
        ),
        ({"files": {"a": {"base64": "no!"}}}, "files.a.base64: not base64"),
        ({"files": {"a": 3}}, "files.a: must be"),
        ({"files": {"": "x"}}, "files: a name in it must not be empty"),
        ({"title": "\ud800"}, "title: has a lone surrogate in it"),
    ],
)
def test_a_wrong_value_is_named_with_the_rule(api, judged, fields, words):
    assert words in refused(api, **fields)


def test_missing_fields_are_all_named(api):
    _, error = api.refusal("POST", "/tasks", json={})
    assert [f["field"] for f in error["details"]["fields"]] == ["title", "description", "assignTo"]
    assert "assignTo: is required" in error["message"]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a\0b", "C:\\x", "."])
@pytest.mark.parametrize(
    "field",
    [
        lambda path: {"files": {path: "x"}},
        lambda path: {"expectations": [{"type": "file_exists", "path": path}]},
        lambda path: {"expectations": [{"type": "file_exists", "paths": ["ok", path]}]},
        lambda path: {
            "expectations": [{"type": "test", "command": "x", "checkFiles": {path: "1"}}]
        },
        lambda path: {"expectedOutcomes": [{"type": "file", "path": path}]},
    ],
)
def test_a_path_that_leaves_the_workspace_is_refused(api, field, path):
    assert repr(path) in refused(api, **field(path))


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["a", "a/b"], "'a' cannot be a file: 'a/b' needs a folder of that name"),
        (["a/b/c", "./a"], "'./a' cannot be a file: 'a/b/c' needs a folder of that name"),
        (["a/b", "a//b"], "'a/b' and 'a//b' name the same file"),
    ],
)
def test_files_that_cannot_lie_together_are_refused(api, paths, words):
    files = dict.fromkeys(paths, "x")
    assert refused(api, files=files) == f"files: {words}"
    check = {"type": "test", "command": "x", "checkFiles": files}
    assert refused(api, expectations=[check]) == f"expectations.0.checkFiles: {words}"


def test_unknown_agents_are_refused_naming_the_known_and_the_nearest(api, shared_lab):
    @shared_lab.agent(isolation="inline")
    async def greeter(task):
        return "hi"

    assert refused(api, assignTo="greter") == (
        "assignTo: 'greter' is unknown; did you mean 'greeter'? Known: ok, greeter"
    )
    assert "retryPolicy.fallbackAgent: 'zzz' is unknown" in refused(
        api, retryPolicy={"fallbackAgent": "zzz"}
    )


def test_a_criterion_that_no_judge_takes_is_refused_saying_how_to_add_one(api, judged):
    words = refused(api, expectations=[{"type": "test", "command": "x"}, {"criterion": "is kind"}])
    assert "expectations.1: no judge takes 'is kind'" in words
    assert "@lab.judge(match=...)" in words
    assert "Judges here: 'polite'" in words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"title": ', "body: must be valid JSON"),
        (b"\xff\xfe{}", "body: must be valid JSON"),
        (b"", "body: must be a JSON object"),
        (b"[1]", "body: must be a JSON object"),
        (b"null", "body: must be a JSON object"),
        (b"[" * 100_000, "body: is not JSON that can be read"),
        (b'{"priority":' + b"9" * 5000 + b"}", "body: is not JSON that can be read"),
        (json.dumps({**TASK, "\ud800": 1}).encode(), "body: must be valid Unicode"),
        (json.dumps({**TASK, "priority": float("nan")}).encode(), "not NaN"),
    ],
)
def test_a_body_that_is_no_task_is_refused(api, body, words):
    status, error = api.refusal("POST", "/tasks", content=body, headers=JSON)
    assert (status, error["code"]) == (422, "VALIDATION_ERROR")
    assert words in error["message"]


def test_json_must_say_that_it_is_json(api):
    body = json.dumps(TASK).encode()
    status, error = api.refusal(
        "POST", "/tasks", content=body, headers={"Content-Type": "text/plain"}
    )
    assert status == 422
    assert "Content-Type: application/json" in error["message"]


def test_a_body_beyond_the_limit_is_refused_whether_it_says_so_or_not(api):
    huge = b'"' + b"a" * (64 * 2**20) + b'"'
    for content in (huge, iter([huge])):
        status, error = api.refusal("POST", "/tasks", content=content, headers=JSON)
        assert status == 413
        assert "too large" in error["message"]
