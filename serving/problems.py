"""Errors as ``application/problem+json`` (RFC 9457)."""

import logging
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serving.errors import ServingError
from serving.requests import field_errors, invalid

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "value": {}, "message": {"type": "string"}},
            },
        },
    },
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the errors a route may answer with."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: {"schema": SCHEMA}}}
        for status in statuses
    }


def problem(error: ServingError) -> Response:
    """The answer that says what went wrong."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.fields:
        content["errors"] = [asdict(field) for field in error.fields]
    return _response(content, error.status, error.headers)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""

    @app.exception_handler(ServingError)
    async def serving_error(_: Request, error: ServingError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def validation_error(_: Request, error: RequestValidationError) -> Response:
        fields = field_errors(error.errors(), skip=1)
        return problem(invalid(fields))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        title = HTTPStatus(error.status_code).phrase
        detail = f"{request.method} {request.url.path}: {error.detail}"
        content = {"type": "about:blank", "title": title, "status": error.status_code, "detail": detail}
        return _response(content, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(ServingError("the error was logged; the request was not at fault"))


def _response(content: dict[str, Any], status: int, headers: Any = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type=CONTENT_TYPE)
