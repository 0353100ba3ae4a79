"""The end of a server, without losing a request.

Told to end, it first goes on answering for a while: ``/ready`` says that it ends, so that others send nobody any more,
and every answer closes its connection, so that clients do not ask again on it. Then it stops listening, takes in who
is connected already, answers what is under way and ends.
"""

import asyncio
import logging
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_SETTLE_SECONDS = 0.1
"""Who is connected when the server stops listening may have its request on the way."""


class Drain:
    """Whether the end has begun."""

    began = False

    async def trouble(self) -> str:
        """For ``/ready``."""
        return "the API ends" if self.began else ""


class ClosingConnections:
    """ASGI middleware: once the end has begun, each answer closes its connection."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._drain.began:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, closing)


class DrainingServer(uvicorn.Server):
    """A server that ends as the module says.

    Args:
        config: Of uvicorn; the event loop runs already.
        drain: Told when the end begins.
        seconds: How long it goes on answering.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain, seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second one shortens it."""
        if self._drain.began:
            super().handle_exit(sig, frame)
        else:
            self._drain.began = True
            self._loop.call_soon_threadsafe(self.end)

    def end(self) -> None:
        """Begin the end."""
        self._drain.began = True
        logger.info("ending: answering for %g s more", self._seconds)
        self._loop.call_later(self._seconds, self._stop)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in who is connected, then end as uvicorn does."""
        kept = [one.dup() for one in sockets or ()]
        for server in self.servers:
            server.close()
        waiting = [connection for one in kept for connection in _accepted(one)]
        for connection in waiting:
            await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self.config.ssl)
        await asyncio.sleep(_SETTLE_SECONDS)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _stop(self) -> None:
        self.should_exit = True


def _accepted(listening: socket.socket) -> list[socket.socket]:
    """Connections that nobody has taken yet; then the socket is closed, before another one comes."""
    listening.setblocking(False)
    found: list[socket.socket] = []
    with listening:
        while True:
            try:
                connection, _ = listening.accept()
            except BlockingIOError:
                return found
            connection.setblocking(False)
            found.append(connection)


def end_quietly() -> None:
    """By then all is done, and uvicorn raises the signals that ended it once more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
