"""Pieces of the benchmark of the window state, each run in a process of its own: ``python -m ...state_pieces NAME ARGUMENT``.

Each prints one line of JSON.
"""

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import psutil

from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.incremental import IncrementalExecutor
from ingestion.windows.spec import TIMESTAMP
from tests.benchmarks.workload import (
    DAY,
    HOUR,
    MINUTE,
    START_US,
    THREE_WINDOWS,
    Users,
    feature,
    micros,
    named,
    view,
)

BATCH = 2_000
WARM_UP_BATCHES = 10
LEAST_EVENTS = 400_000
FILL_ROWS = 100_000
PORTION_ROWS = 5_000
TILES = 1_440_000
HOPS_BATCH = 1_000
HOPS_EVENTS = 100_000
MEASURED_HOURS = 1

Figures = dict[str, float]


@dataclass
class Stopwatch:
    """Seconds of CPU, of all threads, by what was done: what else the machine does hardly shows in them."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.seconds[name] += time.process_time() - begin


def keys(count: int) -> Figures:
    """Memory of filled windows and their repeat filter, then the cost of an hour of events and boundaries."""
    users = Users(count)
    warm_up()
    resident = psutil.Process().memory_info().rss
    executor, repeats = IncrementalExecutor(THREE_WINDOWS), RepeatFilter(DAY)
    for events in users.chunks(FILL_ROWS, 0, users.events_a_day):
        known = repeats.keep(events["event_id"], micros(events))
        executor.update(events.filter(pl.Series(known)))
        executor.advance(int(micros(events)[-1]))
        settle(executor)
    used = psutil.Process().memory_info().rss
    figures = {
        "resident": used,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "added": used - resident,
        "arrays": executor.nbytes + repeats.nbytes,
        "keys": executor.keys,
        "ids": len(repeats),
    }
    return figures | _an_hour(users, executor)


def _an_hour(users: Users, executor: IncrementalExecutor) -> Figures:
    """Microseconds of CPU an event; boundaries are evaluated once an hour of event time, whatever the number of keys."""
    watch, rows, events_seen = Stopwatch(), 0, 0
    least = WARM_UP_BATCHES * BATCH + max(MEASURED_HOURS * users.events_per_hour, LEAST_EVENTS)
    next_hour = START_US + DAY + HOUR
    for number, events in enumerate(users.chunks(BATCH, users.events_a_day, -(-least // users.count))):
        if number == WARM_UP_BATCHES:
            watch, rows, events_seen = Stopwatch(), 0, 0
        if events_seen >= least - WARM_UP_BATCHES * BATCH:
            break
        now_us = int(micros(events)[-1])
        with watch("update"):
            executor.update(events)
        with watch("evaluate"):
            rows += executor.take_changed().height
        with watch("advance"):
            executor.advance(now_us)
        if now_us >= next_hour:
            next_hour += HOUR
            with watch("refresh"):
                rows += refresh(executor, PORTION_ROWS)
        events_seen += events.height
    return {name: 1e6 * seconds / events_seen for name, seconds in watch.seconds.items()} | {
        "rows_per_event": rows / events_seen
    }


def settle(executor: IncrementalExecutor) -> None:
    """Evaluate all rows that changed or wait."""
    executor.take_changed()
    refresh(executor, PORTION_ROWS)


def refresh(executor: IncrementalExecutor, portion_rows: int) -> int:
    """Evaluate all rows that wait; how many."""
    rows = 0
    while executor.waiting:
        rows += executor.take_waiting(portion_rows).height
    return rows


def warm_up() -> None:
    """Compile, and let the allocators take what they take."""
    executor = IncrementalExecutor(THREE_WINDOWS)
    for events in Users(10_000).chunks(BATCH, 0, 2):
        executor.update(events)
        executor.advance(int(micros(events)[-1]))
        settle(executor)
        RepeatFilter(DAY).keep(events["event_id"], micros(events))


def recompute(count: int) -> Figures:
    """The peer: microseconds of CPU an event when a batch's users are aggregated anew by polars from the day's events."""
    users, batches = Users(count), 3
    held = pl.concat(list(users.chunks(FILL_ROWS, 0, users.events_a_day)))
    new = users.chunks(BATCH, users.events_a_day, 1)
    grouped(held, next(new))
    begin = time.process_time()
    for _, events in zip(range(batches), new, strict=False):
        held = pl.concat([held, events]).filter(pl.col("time") >= events["time"][-1] - pl.duration(days=1))
        grouped(held, events)
    return {"event": 1e6 * (time.process_time() - begin) / (batches * BATCH)}


def grouped(held: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Features of the users of some events at the last one's time."""
    now = events["time"][-1]
    functions: dict[str, Callable[[pl.Expr], pl.Expr]] = {
        "count": pl.Expr.count, "sum": pl.Expr.sum, "max": pl.Expr.max, "mean": pl.Expr.mean, "std": pl.Expr.std,
        "count_distinct": pl.Expr.n_unique, "last": pl.Expr.last,
    }  # fmt: skip
    aggregations = [
        functions[f.function](
            pl.col(f.column).filter(pl.col("time") >= now - pl.duration(microseconds=f.window_us))
        ).alias(f.name)
        for f in THREE_WINDOWS.features
    ]
    wanted = pl.col("user_id").is_in(events["user_id"].implode())
    return held.lazy().filter(wanted).group_by("user_id").agg(aggregations).collect()


def hops(count: int, kind: str) -> Figures:
    """Microseconds of CPU an event with a tile in each hop of the window, for every function.

    The more hops, the fewer users: there are always as many tiles, so that only the length of the window differs.
    """
    functions = ("count", "sum", "mean", "min", "max", "std", "count_distinct", "last")
    executor = IncrementalExecutor(view(*(feature("amount", f, count * MINUTE, MINUTE) for f in functions)))
    users = named("user", np.arange(TILES // count))
    filled, measured = count + 5, -(-HOPS_EVENTS // len(users))
    watch = Stopwatch()
    for minute in range(filled + measured):
        if minute == filled:
            watch = Stopwatch()
        for start in range(0, len(users), HOPS_BATCH):
            events = _one_each(users[start : start + HOPS_BATCH], minute, start, kind)
            with watch("update"):
                executor.update(events)
            with watch("evaluate"):
                executor.take_changed()
        with watch("advance"):
            executor.advance(START_US + (minute + 1) * MINUTE)
        with watch("refresh"):
            refresh(executor, HOPS_BATCH)
    return {name: 1e6 * seconds / (measured * len(users)) for name, seconds in watch.seconds.items()}


def _one_each(users: pl.Series, minute: int, first: int, kind: str) -> pl.DataFrame:
    """An event of every user in a minute; values are drawn, or rise from minute to minute, or fall."""
    values = {
        "random": np.random.default_rng([minute, first]).gamma(2.0, 30.0, len(users)).round(1),
        "rising": np.full(len(users), float(minute)),
        "falling": np.full(len(users), -float(minute)),
    }
    numbers = first + np.arange(len(users))
    return pl.DataFrame(
        {
            "user_id": users,
            "time": pl.Series(START_US + minute * MINUTE + numbers).cast(TIMESTAMP),
            "event_id": named("event", minute * TILES + numbers),
            "amount": values[kind],
        }
    )


if __name__ == "__main__":
    pieces = {"keys": keys, "recompute": recompute, "hops": hops}
    name, number, *rest = sys.argv[1:]
    print(json.dumps(pieces[name](int(number), *rest)))
