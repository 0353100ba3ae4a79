"""A batch of messages becomes rows for the archive and the windows, and dead letters. Hot path."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.events.contract import Contract, Decoded
from ingestion.events.refusal import Rejected
from ingestion.stream.letters import DeadLetter
from ingestion.stream.messages import TopicBatch


@dataclass(frozen=True, slots=True)
class Readable:
    """What became of a batch.

    Attributes:
        rows: The contract's columns, ``arrival_timestamp``, ``_topic``, ``_partition``, ``_offset``; in the order read.
        letters: A dead letter for each of the other messages.
    """

    rows: pl.DataFrame
    letters: list[DeadLetter]


def decode(batch: TopicBatch, contract: Contract) -> Readable:
    """Decode a batch; each of its messages is in exactly one part of the result."""
    decoded = contract.decode(batch.values, batch.arrivals_us)
    rows = placed(decoded, batch.topic, batch.partitions, batch.offsets)
    return Readable(rows, [_put_aside(batch, refused) for refused in decoded.rejected])


def placed(
    decoded: Decoded, topic: str, partitions: NDArray[np.int32], offsets: NDArray[np.int64]
) -> pl.DataFrame:
    """The rows of decoded messages with their places in Kafka, as `Readable.rows`.

    Args:
        decoded: What became of the messages.
        topic: Their topic.
        partitions: Partition of each message, shape (messages,).
        offsets: Its offset there, shape (messages,).
    """
    positions = np.asarray(decoded.positions, dtype=np.int64)
    return decoded.frame.hstack(
        [
            pl.Series("_topic", [topic]).new_from_index(0, len(positions)),
            pl.Series("_partition", partitions[positions]),
            pl.Series("_offset", offsets[positions]),
        ]
    )


def _put_aside(batch: TopicBatch, refused: Rejected) -> DeadLetter:
    i = refused.position
    return DeadLetter.of(
        (batch.topic, int(batch.partitions[i]), int(batch.offsets[i])),
        int(batch.arrivals_us[i]),
        (refused.kind, refused.reason),
        batch.messages[i].key(),
        batch.values[i],
    )
