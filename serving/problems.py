"""Errors as ``application/problem+json`` (RFC 9457)."""

import logging
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ServingError
from serving.request_ids import request_id
from serving.requests import field_errors, invalid

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


def problem(scope: Scope, error: ServingError) -> Response:
    """The answer to the request of ``scope`` that says what went wrong."""
    content: dict[str, Any] = {"title": error.title, "status": error.status, "detail": error.detail}
    if error.fields:
        content["errors"] = [asdict(field) for field in error.fields]
    return _response(scope, content, error.headers)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem; call it before other middleware is added, which then sees the answer."""
    app.add_middleware(Unexpected)

    @app.exception_handler(ServingError)
    async def serving_error(request: Request, error: ServingError) -> Response:
        return problem(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> Response:
        fields = field_errors(error.errors(), skip=1)
        return problem(request.scope, invalid(fields))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        title = HTTPStatus(error.status_code).phrase
        # Not request.url: a Host header that is no address would make it raise.
        detail = f"{request.method} {request.scope['path']}: {error.detail}"
        content = {"title": title, "status": error.status_code, "detail": detail}
        return _response(request.scope, content, error.headers)


class Unexpected:
    """ASGI middleware: an error nobody foresaw is logged and answered with 500, as far as nothing is answered yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        started = False

        async def observed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            # The route, not the path: a path may name a person.
            route = getattr(scope.get("route"), "path", "no route")
            told = {"request_id": request_id(scope), "trace_id": scope["state"].get("trace_id")}
            logger.exception("%s %s failed", scope["method"], route, extra=told)
            inside = ServingError("the error was logged; the request was not at fault")
            await problem(scope, inside)(scope, receive, send)


def _response(scope: Scope, content: dict[str, Any], headers: Any = None) -> Response:
    told = {"type": "about:blank", **content, "request_id": request_id(scope)}
    return Response(orjson.dumps(told), content["status"], headers, media_type=CONTENT_TYPE)
