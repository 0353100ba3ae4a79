"""Counts and times every answer by route and status. Hot path."""

from starlette.types import ASGIApp, Scope

from serving.metrics import Metrics
from serving.observed import Observed

UNMATCHED = "unmatched"
"""Route of requests that fit none, so that a scan of paths makes no new time series."""


class Instruments(Observed):
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        super().__init__(app)
        self._metrics = metrics

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count it."""
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._metrics.request(route, status, seconds)
