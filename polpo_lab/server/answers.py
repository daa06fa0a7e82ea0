"""How the server answers: bodies of refusals, and errors turned into them in one place."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from polpo_lab.errors import APIError
from polpo_lab.models import Base64File, RetryPolicy, TaskCreate, expectations
from polpo_lab.models.wire import WireRequest
from polpo_lab.server.refusals import nearest

log = logging.getLogger("polpo_lab.server")


class ErrorDetail(BaseModel):
    """What went wrong: a code to branch on, a message to read, details to show by field."""

    code: str
    message: str
    details: Any = None


class ErrorBody(BaseModel):
    """The body of every refusal."""

    error: ErrorDetail


def error_response(
    status: int, code: str, message: str, details: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """Return a refusal."""
    body = {"error": {"code": code, "message": message, "details": details}}
    return Response(
        orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )


def answer_errors(app: FastAPI) -> None:
    """Turn every error into a refusal of the contract's shape; a 500 carries no traceback."""

    @app.exception_handler(APIError)
    async def _refused(_: Request, error: APIError) -> Response:
        return error_response(error.status, error.code, error.message, error.details)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        fields = [_field_error(e) for e in error.errors()]
        message = "; ".join(f"{f['field']}: {f['message']}" for f in fields[:5])
        return error_response(422, "VALIDATION_ERROR", message, {"fields": fields})

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = {404: "NOT_FOUND", 413: "VALIDATION_ERROR", 405: "INVALID_STATE"}.get(
            error.status_code, "VALIDATION_ERROR"
        )
        message = {
            404: f"there is no {request.url.path}",
            405: f"{request.method} is not a call of {request.url.path}",
            413: "the body is too large",
        }.get(error.status_code, str(error.detail))
        headers = dict(error.headers) if error.headers else None
        return error_response(error.status_code, code, message, headers=headers)

    @app.exception_handler(Exception)
    async def _broken(request: Request, error: Exception) -> Response:
        log.error("%s %s broke", request.method, request.url.path, exc_info=error)
        return error_response(500, "INTERNAL_ERROR", "the server failed; its log says more")


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    """Say of one validation error which field it is, and what the rule is."""
    loc = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    field = ".".join(loc) or "body"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _known_fields(loc[:-1])
        message = f"unknown field{nearest(loc[-1], known)}"
    elif error["type"] == "json_invalid":
        field, message = "body", "not valid JSON"
    return {"field": field, "message": message}


def _known_fields(path: list[str]) -> list[str]:
    """Return the wire names of the object that an unknown field stood in."""
    forms: dict[str, type[WireRequest]] = {
        "criterion": expectations.Criterion,
        "llm_review": expectations.LlmReview,
        "test": expectations.TestCommand,
        "script": expectations.Script,
        "file_exists": expectations.FileExists,
        "dimensions": expectations.Dimension,
        "expectedOutcomes": expectations.ExpectedOutcome,
        "retryPolicy": RetryPolicy,
        "files": Base64File,
    }
    named = [forms[part] for part in path if part in forms]
    model = named[-1] if named else TaskCreate
    return [f.alias or name for name, f in model.model_fields.items()]
