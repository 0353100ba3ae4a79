"""HTTP with bounds: uvicorn reads as many headers, as long and for as long as somebody sends. Hot path."""

import asyncio
from http import HTTPStatus
from typing import Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.edge.headers import OF_ANSWERS
from serving.problems import CONTENT_TYPE
from serving.request_ids import HEADER, new_id

_PROBLEMS: Final = {
    400: "the request is not HTTP",
    408: "the head of the request did not come in time",
    431: "the head of the request is too large",
}


def bounded(headers_max: int, head_max_bytes: int, head_timeout_seconds: float) -> type[HttpToolsProtocol]:
    """A protocol that answers 431 and 408 and closes the connection where a head is beyond its bounds.

    Args:
        headers_max: Most headers of a request.
        head_max_bytes: Most bytes of its names and values, and of its URL.
        head_timeout_seconds: Longest time from a connection, or from the beginning of a head, to its end.
    """

    class Bounded(HttpToolsProtocol):
        """One connection."""

        _timer: asyncio.TimerHandle | None = None
        _in_head = False
        _bytes = 0
        _unfinished = 0
        _refused = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]
            self._timer = self.loop.call_later(head_timeout_seconds, self._too_late)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_ends()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._refused:
                return
            super().data_received(data)
            if self._in_head:
                self._still_in_head(len(data))

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head, self._bytes, self._unfinished = True, 0, 0

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            if len(self.url) > head_max_bytes:
                self._refuse(431)

        def on_header(self, name: bytes, value: bytes) -> None:
            if self._refused:
                return
            super().on_header(name, value)
            self._count(len(name) + len(value))
            if len(self.headers) > headers_max:
                self._refuse(431)

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._head_ends()
            if not self._refused:
                super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            if not self._refused:
                super().on_body(body)

        def on_message_complete(self) -> None:
            if not self._refused:
                super().on_message_complete()

        def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words say less
            self._refuse(400)

        def _count(self, size: int) -> None:
            self._bytes += size
            if self._bytes > head_max_bytes:
                self._refuse(431)

        def _still_in_head(self, size: int) -> None:
            """A header without an end comes in pieces that the parser keeps to itself."""
            self._unfinished += size
            if self._unfinished > 2 * head_max_bytes:
                self._refuse(431)
            elif self._timer is None:
                self._timer = self.loop.call_later(head_timeout_seconds, self._too_late)

        def _too_late(self) -> None:
            self._timer = None
            if self._in_head:
                self._refuse(408)
            else:
                self.transport.close()

        def _head_ends(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _refuse(self, status: int) -> None:
            if self._refused or self.transport.is_closing():
                return
            self._refused = True
            # An answer that is still being written to this connection would be mixed with this one.
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_answer(status))
            self.transport.close()

    return Bounded


def _answer(status: int) -> bytes:
    phrase, request_id = HTTPStatus(status).phrase, new_id()
    told = {"type": "about:blank", "title": phrase, "status": status, "detail": _PROBLEMS[status]}
    body = orjson.dumps({**told, "request_id": request_id})
    headers = (
        f"content-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\n"
        f"connection: close\r\n{HEADER}: {request_id}\r\n"
    )
    careful = b"".join(b"%b: %b\r\n" % header for header in OF_ANSWERS)
    return STATUS_LINE[status] + headers.encode() + careful + b"\r\n" + body
