"""How the server answers: bodies of refusals, and errors turned into them in one place."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from polpo_lab.errors import APIError
from polpo_lab.hostile_text import valid_unicode
from polpo_lab.server.field_errors import fields_in_words

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
    try:
        content = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a lone surrogate in what the request named
        content = valid_unicode(json.dumps(body, default=str, ensure_ascii=False)).encode()
    return Response(
        content,
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
        fields = fields_in_words(list(error.errors()))
        message = "; ".join(f"{f['field']}: {f['message']}" for f in fields[:5])
        return error_response(422, "VALIDATION_ERROR", message, {"fields": fields})

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        status = error.status_code
        if status == HTTPStatus.BAD_REQUEST:  # nested too deep, or a number beyond reading
            return error_response(422, "VALIDATION_ERROR", "body: is not JSON that can be read")
        headers = dict(error.headers or {})
        allowed = _methods(app, request.scope["path"])
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = allowed
        message = {
            404: f"there is no {request.url.path}",
            405: f"{request.method} is not a call of {request.url.path}; it takes {allowed}",
            413: "the body is too large",
        }.get(status, str(error.detail))
        code = "NOT_FOUND" if status == HTTPStatus.NOT_FOUND else "VALIDATION_ERROR"
        return error_response(status, code, message, headers=headers)

    @app.exception_handler(Exception)
    async def _broken(request: Request, error: Exception) -> Response:
        log.error("%s %s broke", request.method, request.url.path, exc_info=error)
        # Starlette raises it once more after the answer, at which uvicorn closes the connection:
        # who is not told sends its next request into a closed one.
        return error_response(
            500,
            "INTERNAL_ERROR",
            "the server failed; its log says more",
            headers={"Connection": "close"},
        )


def _methods(app: FastAPI, path: str) -> str:
    """Return the methods that a path takes: each is a route of its own."""
    asked = {"type": "http", "path": path, "root_path": "", "headers": []}
    return ", ".join(
        method
        for method in ("GET", "POST", "PATCH", "DELETE")
        if any(r.matches({**asked, "method": method})[0] is Match.FULL for r in app.routes)
    )
