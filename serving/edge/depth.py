"""How deep the JSON of a body is nested. Hot path.

A parser recurses, and a few kilobytes of brackets can be thousands deep.
"""

import re

import numpy as np
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import BadRequestError

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NEITHER = bytes({*range(256)} - {*b'"[]{}'})
"""Bytes that neither nest nor begin a text; without an escape in it a body has as many brackets without them."""
_STEP = np.zeros(256, np.int8)
_STEP[[*b"[{"]], _STEP[[*b"]}"]] = 1, -1


class BoundedDepth:
    """ASGI middleware: a body that is nested deeper than ``most`` is never parsed."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; reading the last piece of a body raises where it is too deep."""
        parts: list[bytes] = []

        async def bounded() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    check_depth(b"".join(parts), self._most)
            return message

        await self._app(scope, bounded, send)


def check_depth(body: bytes, most: int) -> None:
    """Raise where the body is nested deeper than ``most``.

    Raises:
        BadRequestError: if it is.
    """
    # Brackets within texts count here too: few enough of all kinds settle it.
    if body.count(b"{") + body.count(b"[") > most and depth(body) > most:
        raise BadRequestError(f"the body is nested deeper than {most} levels")


def depth(body: bytes) -> int:
    """Most brackets that are open at once, those within texts left out."""
    if b"\\" not in body:
        body = body.translate(None, _NEITHER)
    plain = np.frombuffer(_STRINGS.sub(b"", body), np.uint8)
    return int(np.cumsum(_STEP[plain], dtype=np.int32).max(initial=0))
