"""The OpenAPI document: what routes do not say of themselves. Control path."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI

from serving import examples
from serving.body import JSON
from serving.problems import CONTENT_TYPE
from serving.request_ids import HEADER, PATTERN

_PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "pattern": PATTERN},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["field", "value", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "value": {"type": ["string", "integer", "boolean", "null"]},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}
_SECONDS: Final = {"type": "integer", "minimum": 1}
_COUNT: Final = {"type": "integer", "minimum": 0}
_REQUEST_ID: Final = {
    HEADER: {
        "description": "By which the request is found in logs.",
        "required": True,
        "schema": {"type": "string", "pattern": PATTERN},
    }
}
_RETRY: Final = {
    "Retry-After": {"description": "Seconds until another try.", "required": True, "schema": _SECONDS}
}
_CHALLENGE: Final = {
    "WWW-Authenticate": {
        "description": "RFC 6750.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    }
}
RATE: Final = {
    "RateLimit-Limit": {"description": "Requests at once.", "required": True, "schema": _COUNT},
    "RateLimit-Remaining": {"description": "Of them left.", "required": True, "schema": _COUNT},
    "RateLimit-Reset": {"description": "Seconds until all are.", "required": True, "schema": _COUNT},
}
"""Headers of answers where requests are limited."""
_OWN_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: _CHALLENGE,
    403: _CHALLENGE,
    429: _RETRY | RATE,
    503: _RETRY,
}
OF_ANY_REQUEST: Final = (408, 431)
"""Problems that are found before there is a route."""


def answer(example: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Entry of a successful answer."""
    return {status: json_answer(example, HTTPStatus(status).phrase)}


def json_answer(example: dict[str, Any], description: str) -> dict[str, Any]:
    """What is said of an answer whose schema is given elsewhere."""
    return {"description": description, "content": {JSON: {"example": example}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Entries of the errors a route may answer with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "headers": _REQUEST_ID | _OWN_HEADERS.get(status, {}),
            "content": {CONTENT_TYPE: {"schema": _REFERENCE, "example": examples.problem(status)}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Complete the document of ``app`` when it is made: by then there are all routes."""
    made = app.openapi

    def completed() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(made())
        return made()

    app.openapi = completed  # type: ignore[method-assign]  # as FastAPI would have it


def _complete(document: dict[str, Any]) -> None:
    """Add what holds of every route; answers have the fields that are named, and no others."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    schemas["Problem"] = _PROBLEM
    for operations in document["paths"].values():
        for operation in operations.values():
            for told in operation["responses"].values():
                told["headers"] = _REQUEST_ID | told.get("headers", {})
            add_problems(operation, *OF_ANY_REQUEST)


def add_problems(operation: dict[str, Any], *statuses: int) -> None:
    """Errors of an operation beside its own."""
    operation["responses"] |= {str(status): told for status, told in problems(*statuses).items()}
