"""How often somebody may ask: a bucket that holds so many requests and fills again at a steady rate.

Kept as one number, the time at which the bucket is full again (the generic cell rate algorithm, ITU-T I.371): a
request moves it on by ``1 / per_second``, and is refused where that would be further ahead than the bucket is deep.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic


@dataclass(frozen=True)
class Rate:
    """So many requests per second on average, so many at once."""

    per_second: float
    burst: int

    @property
    def interval_seconds(self) -> float:
        """Between two requests at the average rate."""
        return 1 / self.per_second

    @property
    def depth_seconds(self) -> float:
        """Time in which an empty bucket fills."""
        return self.burst / self.per_second

    def decide(self, full_in_seconds: float, *, allowed: bool) -> "Decision":
        """What to say of a bucket that is full again in so many seconds."""
        room = self.depth_seconds - full_in_seconds
        # Sums of binary fractions miss a whole number by a little.
        remaining = int(room * self.per_second + 1e-6)
        wait = 0.0 if allowed else self.interval_seconds - room
        return Decision(self, allowed, remaining, full_in_seconds, wait)


@dataclass(frozen=True)
class Decision:
    """Whether a request is let through.

    Attributes:
        rate: Of the bucket.
        allowed: Or refused.
        remaining: Requests that would be let through at once from now on.
        full_in_seconds: Until nothing of what was asked counts any more.
        wait_seconds: After which a refused request would be let through; 0 for others.
    """

    rate: Rate
    allowed: bool
    remaining: int
    full_in_seconds: float
    wait_seconds: float

    @property
    def headers(self) -> dict[str, str]:
        """What a client may know of its bucket, in the fields that most clients read; whole seconds."""
        told = {
            "RateLimit-Limit": str(self.rate.burst),
            "RateLimit-Remaining": str(max(0, self.remaining)),
            "RateLimit-Reset": str(ceil(self.full_in_seconds)),
        }
        return told if self.allowed else {"Retry-After": str(max(1, ceil(self.wait_seconds))), **told}


class LocalBuckets:
    """Buckets of this process.

    Args:
        rate: Of each bucket.
        most: How many are kept; the one not used for longest is forgotten first, which makes it full.
        clock: Seconds, monotonic.
    """

    def __init__(self, rate: Rate, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._most = most
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> Decision:
        """One request of ``name``."""
        now, rate = self._clock(), self._rate
        full_at = max(self._full_at.get(name, now), now)
        next_full_at = full_at + rate.interval_seconds
        if next_full_at - now > rate.depth_seconds + 1e-9:
            return rate.decide(full_at - now, allowed=False)
        self._full_at[name] = next_full_at
        self._full_at.move_to_end(name)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return rate.decide(next_full_at - now, allowed=True)

    def __len__(self) -> int:
        return len(self._full_at)
