"""Something long that happens beside the stream."""

from collections.abc import Callable
from concurrent.futures import Executor
from threading import Event
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Job(Generic[Asked, Answer]):
    """One call in a thread.

    Args:
        threads: Where it runs.
        act: What is called.
        asked: With what.
        cancelled: `act` looks at it from time to time.
    """

    def __init__(
        self, threads: Executor, act: Callable[[Asked], Answer], asked: Asked, cancelled: Event
    ) -> None:
        self._cancelled = cancelled
        self._future = threads.submit(act, asked)

    @property
    def is_done(self) -> bool:
        """Whether `result` returns at once."""
        return self._future.done()

    def result(self) -> Answer:
        """What `act` returned; raises what it raised."""
        return self._future.result()

    def cancel(self) -> None:
        """Nobody waits any more; returns once it has ended."""
        self._cancelled.set()
        if not self._future.cancel():
            self._future.exception()
