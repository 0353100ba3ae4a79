"""When the online store is asked and when it is left alone: a circuit breaker without threads. Hot path.

A single failure opens it: whoever fails has waited for the whole deadline, and all who come behind would wait as long.
While it is open nobody waits. After a pause one probe is let through (half-open): if it fails the pause doubles.

closed ──failure──► open ──pause over──► half-open ──success──► closed
                     ▲                       │
                     └───────failure─────────┘
"""

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]
STATES: tuple[State, ...] = ("closed", "open", "half-open")


class Breaker:
    """Three states and a clock.

    Args:
        first_pause_seconds: From the opening until the first probe: short, since the store may only have stumbled.
        longest_pause_seconds: Bound of the doubling.
        changed: Told of each new state.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        first_pause_seconds: float,
        longest_pause_seconds: float,
        changed: Callable[[State], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first, self._longest = first_pause_seconds, longest_pause_seconds
        self._pause = first_pause_seconds
        self._changed = changed
        self._now = now
        self._opened = 0.0
        self.state: State = "closed"

    @property
    def closed(self) -> bool:
        """Whether the store may be asked."""
        return self.state == "closed"

    @property
    def seconds_until_probe(self) -> float:
        """How long the pause still lasts; 0 where it is over."""
        return max(0.0, self._opened + self._pause - self._now())

    def failed(self) -> None:
        """A read failed; nothing changes where that is known already."""
        if self.state == "closed":
            self._pause = self._first
            self._open()

    def may_probe(self) -> bool:
        """Whether to probe now; True for one caller, until the probe has succeeded or failed."""
        if self.state != "open" or self.seconds_until_probe:
            return False
        self._become("half-open")
        return True

    def probe_failed(self) -> None:
        """Leave the store alone for twice as long as before."""
        self._pause = min(2 * self._pause, self._longest)
        self._open()

    def succeeded(self) -> None:
        """The store answers."""
        if self.state != "closed":
            self._become("closed")

    def _open(self) -> None:
        self._opened = self._now()
        self._become("open")

    def _become(self, state: State) -> None:
        self.state = state
        self._changed(state)
