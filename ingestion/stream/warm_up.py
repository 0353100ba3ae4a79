"""Compiles what the windows of a topic run on, before the first event waits for it: seconds on a machine's first start."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import polars as pl

from ingestion.archive import POSITION_TYPES
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.group import StateGroup
from ingestion.stream.units import PARTS, units_of

_TIME_US = 946_684_800_000_000
_SAMPLES: dict[type[pl.DataType], object] = {
    pl.String: "sample",
    pl.Float64: 1.0,
    pl.Int64: 1,
    pl.Int32: 1,
    pl.Boolean: True,
    pl.Datetime: datetime.fromtimestamp(_TIME_US // 1_000_000, UTC),
}


def warm_up(topic: EventTopic) -> None:
    """Send two events of the topic's form through windows that are thrown away, and let them expire."""
    works = units_of([topic], 1, frozenset(range(PARTS)))
    group = StateGroup.fresh(topic, {unit: work.spec for unit, work in works.items()})
    sample = _sample(topic)
    with ThreadPoolExecutor(1) as pool:
        group.fold(sample, pool)
    group.take_in(sample, {})
    for now_us in (_TIME_US + 1, _TIME_US + 2 * topic.longest_us):
        group.advance(now_us)
        for _ in group.take_changed():
            continue
        for state in group.units.values():
            state.executor.take_waiting(state.executor.waiting)


def _sample(topic: EventTopic) -> pl.DataFrame:
    schema = {**topic.contract.polars_schema(), **POSITION_TYPES}
    row = {name: _SAMPLES.get(kind.base_type()) for name, kind in schema.items()}
    rows = pl.DataFrame([row, row], schema=schema, orient="row")
    ids = rows[topic.contract.event_id].cast(pl.String) + pl.Series(["0", "1"])
    return rows.with_columns(ids.cast(schema[topic.contract.event_id]).alias(topic.contract.event_id))
