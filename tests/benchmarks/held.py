"""Memory that programs hold, over time."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil

WARM_UP_SECONDS = 60.0
"""What is loaded and filled in the first minute is no growth."""
EDGE_SECONDS = 30.0
"""How much at both ends is summed up by its median: one sample may hold a garbage collection's debris."""


@dataclass
class Held:
    """Samples of one program.

    Attributes:
        pid: Its process; those that it started count too.
        samples: Seconds since the first one, and MB that are its own: shared pages count by their share (PSS).
    """

    pid: int
    samples: list[tuple[float, float]] = field(default_factory=list)

    def growth_percent(self) -> float:
        """From the end of the first minute to the end.

        Raises:
            ValueError: there are no samples behind the first minute.
        """
        begin, end = self.edges()
        return 100 * (end / begin - 1)

    def growth_per_second(self) -> float:
        """MB from the end of the first minute to the end, per second between the middles of what is summed up.

        Raises:
            ValueError: as `edges`.
        """
        begin, end = self.edges()
        seconds = self.samples[-1][0] - WARM_UP_SECONDS - EDGE_SECONDS
        return (end - begin) / max(1.0, seconds)

    def edges(self) -> tuple[float, float]:
        """MB at the end of the first minute, and at the end.

        Raises:
            ValueError: there are no samples behind the first minute.
        """
        warm = [(at, mb) for at, mb in self.samples if at >= WARM_UP_SECONDS]
        if not warm:
            raise ValueError(
                f"{len(self.samples)} samples, none behind {WARM_UP_SECONDS:g} s; measure for longer"
            )
        first = [mb for at, mb in warm if at <= WARM_UP_SECONDS + EDGE_SECONDS]
        last = [mb for at, mb in warm if at >= warm[-1][0] - EDGE_SECONDS]
        return statistics.median(first), statistics.median(last)

    def path(self, points: int = 8) -> str:
        """Its course in so many figures, for a note."""
        chosen: Sequence[tuple[float, float]] = self.samples[:: max(1, len(self.samples) // points)]
        return ", ".join(f"{mb:.0f}" for _, mb in [*chosen, self.samples[-1]])


def sample(programs: Mapping[str, Held], started: float) -> None:
    """Add what each holds now; `started` by `time.monotonic`."""
    for held in programs.values():
        held.samples.append((time.monotonic() - started, _held_mb(held.pid)))


def _held_mb(pid: int) -> float:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(float(one.memory_full_info().pss) for one in family) / 1e6
