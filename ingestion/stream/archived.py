"""Recognises messages that are in the archive already, where no committed offset says so."""

from collections.abc import Iterable

import polars as pl

from ingestion.archive import ARRIVAL, Archive

_IDENTITY = ["_partition", "_offset", ARRIVAL]
"""Of a message in its topic; with the arrival, as a topic made anew counts its offsets from zero again."""


class Archived:
    """Positions of a topic's archived messages in some of its partitions.

    Args:
        positions: Columns ``_partition``, ``_offset``, ``arrival_timestamp``.
    """

    def __init__(self, positions: pl.DataFrame) -> None:
        self._positions = positions
        self._last = dict(positions.group_by("_partition").agg(pl.col("_offset").max()).iter_rows())

    @classmethod
    def none(cls) -> "Archived":
        """Recognises nothing."""
        types: dict[str, pl.DataType] = {
            "_partition": pl.Int32(),
            "_offset": pl.Int64(),
            ARRIVAL: pl.Datetime("us", "UTC"),
        }
        return cls(pl.DataFrame(schema=types))

    @classmethod
    def read(cls, archive: Archive, topic: str, partitions: Iterable[int]) -> "Archived":
        """Positions of these partitions; the archive must not be empty."""
        wanted = pl.col("_partition").is_in(list(partitions)) & (pl.col("_topic") == topic)
        return cls(archive.scan(None, None).filter(wanted).select(_IDENTITY).collect())

    def without(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that are not archived yet, in their order; forgets everything once it is left behind."""
        if not self._last or rows.is_empty():
            return rows
        fresh = rows.join(self._positions, on=_IDENTITY, how="anti", maintain_order="left")
        for partition, offset in rows.group_by("_partition").agg(pl.col("_offset").max()).iter_rows():
            if offset >= self._last.get(partition, offset + 1):
                del self._last[partition]
        return fresh
