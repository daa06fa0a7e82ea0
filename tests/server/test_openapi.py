"""The OpenAPI document is complete and true: schemathesis tries to catch the server lying."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.architecture.package_imports import REPOSITORY

# The contract's table of calls, with the refusals of each beside the ones of all.
CALLS = {
    ("GET", "/v1/tasks"): {200, 422},
    ("POST", "/v1/tasks"): {201, 409, 422},
    ("GET", "/v1/tasks/{task_id}"): {200, 404, 422},
    ("PATCH", "/v1/tasks/{task_id}"): {200, 404, 409, 422},
    ("DELETE", "/v1/tasks/{task_id}"): {204, 404, 409, 422},
    ("POST", "/v1/tasks/{task_id}/retry"): {202, 404, 409, 422},
    ("POST", "/v1/tasks/{task_id}/kill"): {200, 404, 409, 422},
    ("POST", "/v1/tasks/{task_id}/reassess"): {200, 404, 409, 422},
    ("POST", "/v1/tasks/{task_id}/execute"): {200, 404, 409, 422},
    ("GET", "/v1/tasks/{task_id}/events"): {200, 404, 422},
    ("GET", "/v1/tasks/{task_id}/files"): {200, 404, 422},
    ("GET", "/v1/tasks/{task_id}/files/{path}"): {200, 404, 422},
    ("POST", "/v1/groups/{group}/run"): {202, 404, 409, 422},
    ("GET", "/v1/approvals"): {200, 422},
    ("POST", "/v1/approvals/{approval_id}/approve"): {200, 404, 409, 422},
    ("POST", "/v1/approvals/{approval_id}/reject"): {200, 404, 409, 422},
    ("GET", "/v1/agents"): {200},
    ("GET", "/v1/health"): {200},
}
# How many requests at least, and how. The slow run walks the edges of every rule in the document
# too, and goes on from what calls answered to further calls.
LONG = [pytest.mark.slow, pytest.mark.timeout(900)]
RUNS = [
    (100, ["--phases", "fuzzing", "--max-examples", "6"]),
    pytest.param(3_000, ["--max-examples", "40"], marks=LONG),
]
OF_ALL = {401, 403, 413, 500}


@pytest.fixture(scope="module")
def document(shared_api):
    return shared_api.http.get("/openapi.json").json()


def operations(document):
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_call_of_the_contract_is_in_it_with_every_refusal(document):
    listed = {
        call: {int(code) for code in operation["responses"]}
        for call, operation in operations(document).items()
    }
    expected = {call: codes | OF_ALL for call, codes in CALLS.items()}
    expected["GET", "/v1/health"] -= {401}
    assert listed == expected


def test_every_refusal_has_the_contracts_shape_and_every_call_its_words(document):
    for operation in operations(document).values():
        assert operation["description"]
        for code, answer in operation["responses"].items():
            assert answer["description"]
            if int(code) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert operations(document)["GET", "/v1/health"]["security"] == []


def test_requests_are_strict_in_it_and_their_fields_are_the_contracts(document):
    asked = document["components"]["schemas"]["TaskCreate"]
    assert asked["additionalProperties"] is False
    assert asked["required"] == ["title", "description", "assignTo"]
    assert {"dependsOn", "expectedOutcomes", "maxFixAttempts", "retryPolicy", "seed"} <= set(
        asked["properties"]
    )


def test_the_agents_of_the_moment_are_in_it(lab, speak):
    def assignable(api):
        told = api.http.get("/openapi.json").json()["components"]["schemas"]
        return [
            told[name]["properties"]["assignTo"]["enum"] for name in ("TaskCreate", "TaskUpdate")
        ]

    with speak(lab) as api:
        assert assignable(api) == [["ok"], ["ok"]]
        lab.agent(name="later", argv=["true"])
        assert assignable(api) == [["ok", "later"], ["ok", "later"]]


@pytest.mark.parametrize(("least", "options"), RUNS)
def test_the_server_keeps_to_it_whatever_is_sent(shared_lab, shared_api, least, options, tmp_path):
    """Valid and invalid requests, with every check of schemathesis on.

    Valid ones must be taken, but for what is not there (404) or not possible now (409);
    invalid ones must be refused; every answer must be one that the document allows.
    """

    @shared_lab.judge(isolation="inline")
    async def fair(criterion, task, result):
        return 4

    _rounds_to_work_on(shared_api)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", *options),
            *("--checks", "all", "--seed", "20261124", "--no-color"),
            *("--header", f"Authorization: {shared_api.http.headers['authorization']}"),
            f"{shared_lab.url}/v1/openapi.json",
        ],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.server.openapi_hooks",
            "PYTHONPATH": str(REPOSITORY),
        },
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    assert f"Tested: {len(CALLS)}" in ran.stdout
    assert int(re.search(r"(\d+) generated", ran.stdout)[1]) >= least


def _rounds_to_work_on(api):
    """Leave a group, a task at rest and one that waits for a person."""
    api.run(group="g", files={"a.txt": "x"})
    asked = api.create(sideEffects=True)
    api.start(asked["id"])
    api.wait_for(asked["id"], "awaiting_approval")
