"""Plans side by side, as a table."""

from collections.abc import Callable, Sequence

from rich.table import Table

from infra.capacity.plan import GIB, Plan

_ROWS: tuple[tuple[str, Callable[[Plan], str]], ...] = (
    ("events/s, peak / mean", lambda p: f"{p.load.peak_events:,.0f} / {p.load.mean_events:,.0f}"),
    ("users / active a day", lambda p: f"{p.load.users:,.0f} / {p.load.active_users:,.0f}"),
    ("predictions/s", lambda p: f"{p.load.predictions:,.0f}"),
    ("stream workers", lambda p: "none is enough" if p.workers is None else f"{p.workers}"),
    ("SHOP_STREAM_SHARES", lambda p: f"{p.shares}"),
    ("partitions of a topic", lambda p: f"{p.partitions}"),
    ("cores: reading, of each", lambda p: f"{p.demand.read:.2f}"),
    ("cores: archiving, of one", lambda p: f"{p.demand.archive:.2f}"),
    ("cores: windows and pushes", lambda p: f"{p.demand.windows:.2f}"),
    ("state of the windows", lambda p: size(p.demand.state)),
    ("memory of a worker", lambda p: size(p.worker_bytes)),
    ("rows/s to Redis, at most", lambda p: f"{p.demand.rows:,.0f}"),
    ("cores of Redis", lambda p: f"{p.demand.redis:.2f}"),
    ("Redis memory, one copy", lambda p: size(p.redis_bytes)),
    ("Redis servers x copies", lambda p: f"{p.redis_servers} x {p.load.replicas}"),
    ("API processes", lambda p: f"{p.api_processes}"),
    ("archive, a day / month", lambda p: f"{size(p.demand.archive_day)} / {size(30 * p.demand.archive_day)}"),
    ("predictions, a day / month", lambda p: f"{size(p.demand.log_day)} / {size(30 * p.demand.log_day)}"),
    ("both, as old as they get", lambda p: size(p.archive_bytes)),
    ("Kafka disk, all copies", lambda p: size(p.demand.kafka * p.load.replicas)),
    ("network at the peak", lambda p: f"{8 * p.network_bytes / 1e6:,.1f} Mbit/s"),
    ("computing all views anew", lambda p: f"{p.refold_hours:,.2f} h of each worker"),
    ("binds", lambda p: f"{p.binds.name} ({100 * p.binds.used:,.0f} % of the plan)"),
    ("way out", lambda p: p.binds.way_out),
    ("Spark", lambda p: "; ".join(p.spark) or "not needed"),
)


def table(plans: Sequence[tuple[str, Plan]], caption: str) -> Table:
    """A column for each plan, under its title."""
    drawn = Table(caption=caption, caption_justify="left", show_lines=False)
    drawn.add_column("")
    for title, _ in plans:
        drawn.add_column(title, justify="right", overflow="fold")
    for name, value in _ROWS:
        drawn.add_row(name, *(value(plan) for _, plan in plans))
    return drawn


def size(count: float) -> str:
    """Bytes in a unit in which they can be read."""
    for unit, scale in (("TiB", 1024 * GIB), ("GiB", GIB), ("MiB", GIB / 1024)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count / 1024:,.1f} KiB"
