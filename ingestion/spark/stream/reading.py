"""Messages as Spark reads them from Kafka become events, by share of their ids."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from ingestion.spark.frames import to_batches
from ingestion.spark.settling import settle
from ingestion.spark.stream.machines import UNKNOWN
from ingestion.spark.stream.packing import EVENTS, SHARE, by_share
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.decoding import placed

NOW: Final = "now_us"
"""Column of what time it is, Unix microseconds; `UNKNOWN` where a row does not tell."""
INPUT: Final = {SHARE: pl.Int64(), EVENTS: pl.Binary(), NOW: pl.Int64()}
"""Columns of what the first operator reads."""


def read_messages(
    topic: EventTopic, shares: int, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Events of everybody who was not erased; what cannot be read is put aside by whoever archives.

    Args:
        topic: Their topic.
        shares: Into how many shares ids are divided.
        batches: Columns ``value``, ``partition``, ``offset``, ``timestamp`` of Spark's Kafka source.
    """
    settle("messages")
    for batch in batches:
        arrivals = batch.column("timestamp").cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
        decoded = topic.contract.decode(batch.column("value").to_pylist(), np.maximum(arrivals, 0))
        rows = placed(
            decoded, topic.name, batch.column("partition").to_numpy(), batch.column("offset").to_numpy()
        )
        events = rows.filter(~topic.gone(rows)).select(topic.columns)
        found = [(*part, UNKNOWN) for part in by_share(events, [topic.contract.event_id], shares)]
        if found:
            yield from to_batches(pl.DataFrame(found, schema=INPUT, orient="row"), INPUT)
