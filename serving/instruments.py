"""Counts and times every answer by route and status. Hot path."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics

UNMATCHED = "unmatched"
"""Route of requests that fit none, so that a scan of paths makes no new time series."""


class Instruments:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, then count."""
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
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self._metrics.request(route, status, perf_counter() - started)
