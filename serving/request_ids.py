"""An id for every request, by which its answer, its log lines and its record in the prediction log are found. Hot path.

A client may name its request with ``X-Request-ID``; an id of another form, or none, is replaced by a random one.
"""

import re
from collections.abc import Iterable
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
_HEADER = HEADER.lower().encode()
PATTERN = "^[A-Za-z0-9_-]{1,64}$"
"""Of an id."""
_GOOD = re.compile(PATTERN.encode())
_RANDOM_BYTES = 16


class RequestIds:
    """ASGI middleware: puts ``request_id`` into the state of the request and into the header of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the request, then pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given(scope["headers"]) or new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        told = (_HEADER, request_id.encode())

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), told]
            await send(message)

        await self._app(scope, receive, named)


def request_id(scope: Scope) -> str:
    """The id of a request that passed `RequestIds`."""
    named: str = scope["state"]["request_id"]
    return named


def new_id() -> str:
    """A random one."""
    return token_hex(_RANDOM_BYTES)


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == _HEADER and _GOOD.fullmatch(value):
            return value.decode()
    return None
