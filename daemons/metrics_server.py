"""GET /metrics and GET /health, in a thread of their own."""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class PortTakenError(Exception):
    """Something else listens on the port, or the address is not this machine's."""


class Told(Protocol):
    """What a program tells of itself."""

    @property
    def registry(self) -> CollectorRegistry:
        """Its metrics."""

    @property
    def is_healthy(self) -> bool:
        """Whether it does what it should."""

    def as_json(self) -> dict[str, str]:
        """What /health answers."""


class MetricsServer:
    """Serves a program's metrics and health until closed.

    Args:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        status: What is told; /health is 200 when it is healthy, else 503.
        setting: How the variables begin that address and port come from, such as ``SHOP_STREAM_METRICS``.

    Raises:
        PortTakenError: it cannot listen there.
    """

    def __init__(self, host: str, port: int, status: Told, setting: str) -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(status))
        except OSError as error:
            raise PortTakenError(
                f"cannot listen on {host}:{port}: {error.strerror}; set {setting}_HOST to an address of this machine and "
                f"{setting}_PORT to a free port, or to 0"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(status: Told) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(status.registry))
            elif self.path == "/health":
                code = HTTPStatus.OK if status.is_healthy else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(code, "application/json", json.dumps(status.as_json()).encode())
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"there are /metrics and /health\n")

        def _answer(self, code: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            """Scrapes are not worth a line."""

    return Handler
