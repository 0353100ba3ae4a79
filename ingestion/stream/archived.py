"""Recognises messages that are in the archive already, where no committed offset says so."""

from collections.abc import Mapping, Sequence

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
    def read(cls, archive: Archive, topic: str, files: Sequence[str], ends: Mapping[int, int]) -> "Archived":
        """What lies in the files and may still come up.

        Args:
            archive: Where the files are.
            topic: Name of the topic.
            files: Names of files; at least one.
            ends: For each partition, the offset behind which no message can be one of those in the files.
        """
        rows = archive.folder.scan(files).filter(pl.col("_topic") == topic).select(_IDENTITY).collect()
        end = pl.col("_partition").replace_strict(dict(ends), default=0, return_dtype=pl.Int64)
        return cls(rows.filter(pl.col("_offset") < end))

    def copy(self) -> "Archived":
        """For another reader, who comes to it in his own time."""
        return Archived(self._positions)

    @property
    def is_empty(self) -> bool:
        """Whether nothing will be recognised any more."""
        return not self._last

    def without(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that are not archived yet, in their order; forgets everything once it is left behind."""
        if not self._last or rows.is_empty():
            return rows
        fresh = rows.join(self._positions, on=_IDENTITY, how="anti", maintain_order="left")
        for partition, offset in rows.group_by("_partition").agg(pl.col("_offset").max()).iter_rows():
            if offset >= self._last.get(partition, offset + 1):
                del self._last[partition]
        if not self._last:
            self._positions = self._positions.clear()
        return fresh
