"""Where Kafka is and how it is spoken to: the one place that makes configurations of clients."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kafka:
    """Brokers, and how clients speak to them.

    Attributes:
        bootstrap: `host:port` separated by commas.
        security: What librdkafka is told of TLS and login; passwords are in it, so it is never shown.
    """

    bootstrap: str
    security: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.bootstrap

    def client(self, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Configuration of a client.

        Args:
            own: What is to be told of this one beside how the brokers are reached.
        """
        return {"bootstrap.servers": self.bootstrap, **self.security, **(own or {})}


class Complaints:
    """Listens to why brokers are not reached: `error_cb` of a client.

    Requests only say that there was no answer; a refused login or certificate is told here.
    """

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, error: Any) -> None:
        """Take a complaint of the client's."""
        self._last = str(error.str())

    def __str__(self) -> str:
        """The last one behind a colon; empty where there was none."""
        return f": {self._last}" if self._last else ""
