"""What an answer came to, told when it has been sent. Hot path."""

from abc import ABC, abstractmethod
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Observed(ABC):
    """ASGI middleware that passes on and then calls `answered`; others derive from it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, then tell; a request that was answered by an error further out counts as 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            self.answered(scope, status, perf_counter() - started)

    @abstractmethod
    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """A request was answered, or its client left."""
