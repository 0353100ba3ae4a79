"""Backlogs drained by one stream worker and by two of one consumer group, in turns.

The workers stand still (SIGSTOP) while a backlog is sent and go on together once the broker has all of it: whoever makes the
load takes no core meanwhile, and windows have been handed over before. The broker and Redis work on the same cores.
"""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.scrape import Metrics
from infra.services.service import Service
from ingestion.events.simulator.live import LiveEvent
from tests.benchmarks import traffic
from tests.benchmarks.stage import RunningWorker, Stage, wait_for, worker

SHARES = 4
SETTINGS = {
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "SHOP_STREAM_SHARES": str(SHARES),
    "SHOP_STREAM_SESSION_SECONDS": "60",  # standing still lasts longer than the usual one
    "SHOP_STREAM_ARCHIVE_SECONDS": "1",
    "SHOP_STREAM_BATCH_MAX_MESSAGES": "2000",  # as under load that a worker keeps up with; larger ones make fewer rows an event
}
EXECUTOR = ("windows", "evaluate", "boundaries", "push")
"""Stages that a worker goes through for its own units; through the others it goes for every event."""
START_SECONDS, DRAIN_SECONDS = 400.0, 300.0
"""Deadlines: a worker that was never started here before compiles first."""
_CLIENT = "rdk:"
"""How the threads of Kafka's client are named."""


@dataclass(frozen=True)
class Spent:
    """What one worker spent on a backlog, in seconds of CPU.

    Attributes:
        client: Of the threads of Kafka's client.
        own: Of all its other threads.
        stages: By stage, of the thread that works.
        rows: Rows that it pushed.
        units: Units that it keeps.
    """

    client: float
    own: float
    stages: dict[str, float]
    rows: float
    units: float

    @property
    def executor(self) -> float:
        """Windows and pushes."""
        return sum(self.stages.get(name, 0.0) for name in EXECUTOR)

    @property
    def total(self) -> float:
        """All threads."""
        return self.client + self.own


@dataclass(frozen=True)
class Drain:
    """A backlog that was drained.

    Attributes:
        messages: How many it had.
        seconds: Until the last row was readable, of the wall.
        workers: Of each worker.
        redis: Seconds of CPU of Redis.
        broker: Seconds of CPU of the broker.
    """

    messages: int
    seconds: float
    workers: tuple[Spent, ...]
    redis: float
    broker: float

    @property
    def executor_rate(self) -> float:
        """Events per second of CPU of the windows and pushes of the worker with the most of it: the others are done before."""
        return self.messages / max(spent.executor for spent in self.workers)

    @property
    def worker_rate(self) -> float:
        """Events per second of CPU of the worker with the most of it."""
        return self.messages / max(spent.total for spent in self.workers)

    @property
    def wall_rate(self) -> float:
        """Events per second."""
        return self.messages / self.seconds

    @property
    def busy(self) -> float:
        """Cores that workers, Redis and broker had between them."""
        return (sum(spent.total for spent in self.workers) + self.redis + self.broker) / self.seconds


@dataclass
class Crew:
    """Up to two workers of one group.

    Attributes:
        stage: Where they run.
        members: Those that run.
    """

    stage: Stage
    members: list[RunningWorker] = field(default_factory=list)
    _ends: list[ExitStack] = field(default_factory=list)

    def join(self) -> float:
        """Start one more; seconds until every unit has somebody who keeps it."""
        name, begin = f"worker_{len(self.members)}", time.monotonic()
        end = ExitStack()
        self.members.append(
            end.enter_context(worker(self.stage, name, SHOP_STREAM_INSTANCE=name, **SETTINGS))
        )
        self._ends.append(end)
        self._await_rest()
        return time.monotonic() - begin

    def leave(self) -> float:
        """Stop the last one in order; seconds until every unit has somebody who keeps it."""
        begin = time.monotonic()
        self.members.pop()
        self._ends.pop().close()
        self._await_rest()
        return time.monotonic() - begin

    def end(self) -> None:
        """Stop all."""
        while self.members:
            self.members.pop()
            self._ends.pop().close()

    def drain(self, messages: Sequence[LiveEvent], valid: int) -> Drain:
        """Send messages, so many of them valid, to workers that stand still; let them go on until all rows can be read."""
        before = [_Seen.of(member) for member in self.members]
        processes = [member.process for member in self.members]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            traffic.send(self.stage.kafka.bootstrap, messages)
            servers, begin = self._servers(), time.monotonic()
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)
        for member, seen in zip(self.members, before, strict=True):
            wait_for(
                lambda m=member, s=seen: _is_through(m.metrics().since(s.metrics), valid),
                "all rows in Redis",
                DRAIN_SECONDS,
            )  # type: ignore[misc]
        seconds = time.monotonic() - begin
        spent = tuple(_Seen.of(m).since(seen) for m, seen in zip(self.members, before, strict=True))
        redis, broker = (now - then for now, then in zip(self._servers(), servers, strict=True))
        return Drain(len(messages), seconds, spent, redis, broker)

    def _servers(self) -> tuple[float, float]:
        return _cpu(self.stage.redis.service), _cpu(self.stage.kafka.service)

    def _await_rest(self) -> None:
        due = self._units()

        def rests() -> bool:
            kept = [member.total("units") for member in self.members]
            return sum(kept) == due and all(kept) and all(m.total("ready") for m in self.members)

        wait_for(rests, f"{due} units to be kept by {len(self.members)} workers", START_SECONDS)

    def _units(self) -> int:
        from ingestion.stream.registry import event_topics

        return SHARES * sum(len(topic.specs) for topic in event_topics(self.stage.store()))


@dataclass(frozen=True)
class _Seen:
    """Counters of a worker at a moment."""

    threads: dict[str, float]
    metrics: Metrics

    @classmethod
    def of(cls, member: RunningWorker) -> "_Seen":
        return cls(_threads(member.process.pid), member.metrics())

    def since(self, earlier: "_Seen") -> Spent:
        cpu = {name: value - earlier.threads.get(name, 0.0) for name, value in self.threads.items()}
        counted = self.metrics.since(earlier.metrics)
        client = sum(value for name, value in cpu.items() if name.startswith(_CLIENT))
        return Spent(
            client=client,
            own=sum(cpu.values()) - client,
            stages=counted.by("shop_stream_stage_cpu_seconds_total", "stage"),
            rows=counted.total("shop_stream_rows_pushed_total"),
            units=self.metrics.total("shop_stream_units"),
        )


def _is_through(counted: Metrics, valid: int) -> bool:
    """Whether all valid events of the backlog have been readable or were repeats."""
    seen = ("latency_seconds_count", "events_repeated_total")
    return sum(counted.total(f"shop_stream_{name}") for name in seen) >= valid


def _threads(pid: int) -> dict[str, float]:
    """Seconds of CPU of a process by the name of its threads."""
    seconds: dict[str, float] = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            name = (thread / "comm").read_text().strip()
            seconds[name] = seconds.get(name, 0.0) + int((thread / "schedstat").read_text().split()[0]) / 1e9
    return seconds


def _cpu(service: Service) -> float:
    """Seconds of CPU of a server so far."""
    pid = service.supervisor.pid(service.name)
    if pid is None:
        raise RuntimeError(f"{service.name} does not run any more; look at its log")
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def portions(messages: Sequence[LiveEvent], count: int) -> Iterator[Sequence[LiveEvent]]:
    """So many parts of messages, in their order, of equal length but for what is left over."""
    length = len(messages) // count
    return (messages[start : start + length] for start in range(0, count * length, length))
