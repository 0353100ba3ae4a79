"""What the watch tells of itself on /health."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry

SILENT_SECONDS: Final = 30.0
"""A watch that did not turn for so long hangs."""


class Status:
    """What is done now, and how each task ended the last time.

    Attributes:
        registry: The watch's metrics.

    Args:
        registry: As above.
        tasks: Those that are repeated.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self, registry: CollectorRegistry, tasks: tuple[str, ...], monotonic: Callable[[], float]
    ) -> None:
        self.registry = registry
        self._monotonic = monotonic
        self._turned = monotonic()
        self._tasks = dict.fromkeys(tasks, "never done")
        self.task = "none"

    def turn(self) -> None:
        """The watch goes on."""
        self._turned = self._monotonic()

    def ended(self, task: str, how: str) -> None:
        """A task ended."""
        self._tasks = {**self._tasks, task: how}

    @property
    def is_healthy(self) -> bool:
        """Whether the watch goes on; a task that fails is told by its metrics."""
        return self._monotonic() - self._turned < SILENT_SECONDS

    def as_json(self) -> dict[str, str]:
        """What /health answers."""
        return {"status": "ready" if self.is_healthy else "hangs", "task": self.task, **self._tasks}
