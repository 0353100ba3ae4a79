"""A batch of messages becomes rows for the archive, and dead letters. Hot path."""

import numpy as np
import polars as pl

from ingestion.archive import ARRIVAL, TIMESTAMP_TYPE
from ingestion.predictions.frame import rows_of
from ingestion.predictions.record import Record, UnreadableError, read
from ingestion.stream.decoding import Readable
from ingestion.stream.letters import DeadLetter
from ingestion.stream.messages import TopicBatch


def decode(batch: TopicBatch) -> Readable:
    """Decode a batch; each of its messages is in exactly one part of the result."""
    records: list[Record] = []
    places: list[int] = []
    letters: list[DeadLetter] = []
    for place, value in enumerate(batch.values):
        try:
            records.append(read(value))
        except UnreadableError as error:
            letters.append(_put_aside(batch, place, error))
        else:
            places.append(place)
    at = np.asarray(places, dtype=np.int64)
    rows = rows_of(records).with_columns(
        pl.Series(ARRIVAL, batch.arrivals_us[at]).cast(TIMESTAMP_TYPE),
        pl.lit(batch.topic).alias("_topic"),
        pl.Series("_partition", batch.partitions[at]),
        pl.Series("_offset", batch.offsets[at]),
    )
    return Readable(rows, letters)


def _put_aside(batch: TopicBatch, place: int, error: UnreadableError) -> DeadLetter:
    return DeadLetter.of(
        (batch.topic, int(batch.partitions[place]), int(batch.offsets[place])),
        int(batch.arrivals_us[place]),
        (error.kind, str(error)),
        batch.messages[place].key(),
        batch.values[place],
    )
