"""Who asks, and what they may."""

from dataclasses import dataclass
from typing import Final

PREDICT: Final = "predict"
"""Predictions, recommendations, and which models answer."""
METRICS: Final = "metrics"
"""Figures of the process."""
ADMIN: Final = "admin"
"""Everything."""
SCOPES: Final = (PREDICT, METRICS, ADMIN)


@dataclass(frozen=True)
class Principal:
    """Somebody whose key or token was found good.

    Attributes:
        id: Name in logs, and of their share of requests: ``key:<id>``, ``jwt:<subject>`` or ``open:<address>``.
        scopes: What they may.
    """

    id: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether a route that needs ``scope`` is open to them."""
        return scope in self.scopes or ADMIN in self.scopes
