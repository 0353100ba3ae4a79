"""How many of everything a demand needs, which limit binds, and when one machine's stream is not enough."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from infra.capacity.coefficients import Coefficients
from infra.capacity.definitions import Definitions
from infra.capacity.demand import Demand, demand_of
from infra.capacity.errors import CapacityError
from infra.capacity.load import Load

GIB: Final = 2**30
MOST_WORKERS: Final = 32
"""Parts of a group (`ingestion.stream.units.PARTS`)."""
MOST_SHARES: Final = 1_000
"""As `SHOP_STREAM_SHARES` allows."""
SHARE_BYTES: Final = 16 * GIB
"""Most that the tiles of one share of a view may take (`ingestion.windows.tiles`)."""
STATE_TWICE: Final = 2.0
"""Arrays grow by steps, and while a forked child writes a snapshot what is written meanwhile is copied."""
REFOLD_HOURS: Final = 8.0
"""A new view that takes a worker longer than a night is better computed by a cluster."""


@dataclass(frozen=True)
class Machines:
    """What there is room for.

    Attributes:
        utilisation: Share of a core or of memory that is planned with at the peak.
        worker_gib: Memory of a worker.
        redis_gib: Memory of the largest Redis server that may be had.
    """

    utilisation: float = 0.6
    worker_gib: float = 4.0
    redis_gib: float = 32.0

    def __post_init__(self) -> None:
        if not 0 < self.utilisation <= 1:
            raise CapacityError(f"--utilisation {self.utilisation:g}: give more than 0 and at most 1")
        for told in fields(self)[1:]:
            value = getattr(self, told.name)
            if not (math.isfinite(value) and value > 0):
                raise CapacityError(f"--{told.name.replace('_', '-')} {value:g}: give GiB above 0")


@dataclass(frozen=True)
class Limit:
    """Something that is used up.

    Attributes:
        name: What.
        used: Share of what is planned with, at the number of programs that the plan has; above 1 it is not enough.
        way_out: What helps.
        is_hard: Whether more workers do not help.
    """

    name: str
    used: float
    way_out: str
    is_hard: bool


@dataclass(frozen=True)
class Plan:
    """What a load needs.

    Attributes:
        workers: Stream workers; None: no number of them is enough.
        shares: `SHOP_STREAM_SHARES`: so many that every worker has some of each view.
        partitions: Of an event topic.
        worker_bytes: Memory of a worker.
        redis_servers: Servers that the rows are divided among, copies left out.
        redis_bytes: Memory of Redis, of one copy.
        api_processes: Processes of the API.
        limits: Those that were looked at, the one that binds first.
        demand: What the plan follows from.
        load: What was asked for.
        archive_bytes: Archive and prediction log when everything is as old as it gets.
        network_bytes: Per second, all wires together.
    """

    workers: int | None
    shares: int
    partitions: int
    worker_bytes: float
    redis_servers: int
    redis_bytes: float
    api_processes: int
    limits: tuple[Limit, ...]
    demand: Demand
    load: Load
    archive_bytes: float
    network_bytes: float

    @property
    def binds(self) -> Limit:
        """The limit that decides."""
        return self.limits[0]

    @property
    def refold_hours(self) -> float:
        """Of a core of each worker, for all views over the archive; the views are divided among the workers."""
        return self.demand.refold_seconds / 3600 / (self.workers or MOST_WORKERS)

    @property
    def spark(self) -> tuple[str, ...]:
        """Why the work belongs on a cluster; empty: it does not."""
        reasons = [limit.name for limit in self.limits if limit.is_hard and limit.used > 1]
        if self.refold_hours > REFOLD_HOURS:
            reasons.append(f"computing all views anew takes each worker {self.refold_hours:,.0f} hours")
        return tuple(reasons)

    def to_json(self) -> dict[str, Any]:
        """All of it, with what is derived."""
        return {**asdict(self), "binds": self.binds.name, "spark": list(self.spark)}


def plan_of(load: Load, definitions: Definitions, cost: Coefficients, machines: Machines) -> Plan:
    """What a load needs.

    Raises:
        CapacityError: the shares of the topics are not known, or a worker has less memory than an empty one takes.
    """
    demand = demand_of(load, definitions, cost)
    room = _room(demand, cost, machines)
    by_cpu = _workers_by_cpu(demand, machines.utilisation)
    by_memory = max(1, math.ceil(demand.state * STATE_TWICE / room)) if room > 0 else None
    workers = None if by_cpu is None or by_memory is None else max(by_cpu, by_memory)
    if workers is not None and workers > MOST_WORKERS:
        workers = None
    redis = _redis_servers(demand, machines)
    count = workers or MOST_WORKERS
    return Plan(
        workers=workers,
        shares=1 if count == 1 else min(MOST_SHARES, max(2 * count, _shares(demand))),
        partitions=max(4, 2 * count),
        worker_bytes=_worker_bytes(demand, count, cost),
        redis_servers=redis,
        redis_bytes=demand.online,
        api_processes=math.ceil(demand.api / machines.utilisation),
        limits=_limits(demand, cost, count, redis, machines),
        demand=demand,
        load=load,
        archive_bytes=load.retention_days * (demand.archive_day + demand.log_day),
        network_bytes=_network(load, demand, count),
    )


def _room(demand: Demand, cost: Coefficients, machines: Machines) -> float:
    """Bytes of a worker that are left for its windows; not above 0 where the ids of events alone fill it."""
    empty = cost["worker_base_bytes"]
    if machines.worker_gib * GIB <= empty:
        raise CapacityError(
            f"--worker-gib {machines.worker_gib:g}: a worker takes {empty / GIB:.2f} GiB before it has read anything; give more"
        )
    return machines.worker_gib * GIB - empty - demand.ids


def _worker_bytes(demand: Demand, workers: int, cost: Coefficients) -> float:
    """Memory of one of so many workers."""
    return cost["worker_base_bytes"] + demand.ids + STATE_TWICE * demand.state / workers


def _workers_by_cpu(demand: Demand, utilisation: float) -> int | None:
    """Each reads everything, one archives, the windows are divided; None: reading and archiving alone fill a core."""
    left = utilisation - demand.read
    if left - demand.archive <= 0:
        return None
    return max(1, math.ceil((demand.windows + demand.archive) / left))


def _shares(demand: Demand) -> int:
    return math.ceil(max(demand.state_by_view.values(), default=0.0) / SHARE_BYTES)


def _redis_servers(demand: Demand, machines: Machines) -> int:
    by_memory = demand.online / (machines.utilisation * machines.redis_gib * GIB)
    return max(1, math.ceil(by_memory), math.ceil(demand.redis / machines.utilisation))


def _limits(
    demand: Demand, cost: Coefficients, workers: int, redis: int, machines: Machines
) -> tuple[Limit, ...]:
    most = machines.utilisation
    limits = (
        Limit(
            "a core of each worker",
            (demand.read + (demand.windows + demand.archive) / workers) / most,
            "another worker",
            is_hard=workers >= MOST_WORKERS,
        ),
        Limit(
            "the leading worker's core: every event is read and archived by it",
            (demand.read + demand.archive) / most,
            "no worker more helps: divide the topics between groups, or let Spark compute the windows",
            is_hard=True,
        ),
        Limit(
            "memory of each worker",
            _worker_bytes(demand, workers, cost) / (machines.worker_gib * GIB),
            "another worker, or more memory for each",
            is_hard=workers >= MOST_WORKERS or _room(demand, cost, machines) <= 0,
        ),
        Limit("a core of each Redis", demand.redis / redis / most, "another server (Redis Cluster)", is_hard=False),
        Limit(
            "memory of each Redis",
            demand.online / redis / (most * machines.redis_gib * GIB),
            "a larger or another server, or a shorter --row-days",
            is_hard=False,
        ),
    )  # fmt: skip
    return tuple(sorted(limits, key=lambda limit: -limit.used))


def _network(load: Load, demand: Demand, workers: int) -> float:
    """To Kafka and its copies, from Kafka to every worker, to Redis and its copies, and the log of predictions twice."""
    events = demand.event_bytes * (load.replicas + workers)
    return events + demand.row_bytes * load.replicas + demand.prediction_bytes * (load.replicas + 1)
