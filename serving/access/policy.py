"""What each route needs. A route that is not named here needs the scope of administrators."""

from typing import Final

from serving.access.principals import ADMIN, METRICS, PREDICT

OPEN: Final = ""
"""Nothing: probes of an orchestrator come without a key."""

NEEDS: Final = {
    "/health": OPEN,
    "/ready": OPEN,
    "/metrics": METRICS,
    "/predict": PREDICT,
    "/predict/batch": PREDICT,
    "/recommendations/{user_id}": PREDICT,
    "/models": PREDICT,
}
"""Scope by route."""

OPEN_ON_LOOPBACK: Final = frozenset(("/metrics",))
"""Routes that programs of this machine may ask without a key."""


def needed(route: str) -> str:
    """The scope a route needs; `OPEN` where none."""
    return NEEDS.get(route, ADMIN)
