"""The OpenAPI document is complete and true: schemathesis tries to catch the server lying."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

# What the schema cannot say: which agents there are. Every other check is on.
EXCLUDED = [positive_data_acceptance]

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
# Of each call; together several thousand in CI, which runs `-m slow` too.
CASES, MANY_CASES = 20, 200
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


@pytest.mark.parametrize(
    "cases", [CASES, pytest.param(MANY_CASES, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
@pytest.mark.parametrize(("method", "path"), sorted(CALLS))
def test_the_server_keeps_to_it_whatever_is_sent(shared_api, document, method, path, cases):
    """Valid and invalid requests; every answer must be one that the document allows."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    key = {"Authorization": shared_api.http.headers["authorization"]}
    base_url = str(shared_api.http.base_url).removesuffix("/v1/")
    known = _known_ids(shared_api)

    @seed(20261124)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(), data=st.data())
    def keeps_to_it(case, data):
        ids = known.get(path.split("/")[2])
        if ids and case.path_parameters and data.draw(st.booleans()):
            name = next(iter(case.path_parameters))
            case.path_parameters[name] = data.draw(st.sampled_from(ids))
        answer = case.call(base_url=base_url, headers=key, timeout=20)
        case.validate_response(answer, excluded_checks=EXCLUDED)

    keeps_to_it()


def _known_ids(api):
    """Return ids of tasks at rest, groups and approvals, for the calls on them."""
    done = api.run(group="g", files={"a.txt": "x"})
    asked = api.create(sideEffects=True)
    api.start(asked["id"])
    waiting = api.wait_for(asked["id"], "awaiting_approval")
    answer = api.http.post(f"/approvals/{waiting['approvalId']}/approve")
    assert json.loads(answer.text)["status"] == "approved"
    return {
        "tasks": [done["id"], asked["id"]],
        "groups": ["g"],
        "approvals": [waiting["approvalId"]],
    }
