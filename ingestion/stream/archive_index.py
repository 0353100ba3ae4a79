"""What the files of an archive hold, learnt once: a file never changes, so only new ones are opened.

Recovery asks which files have rows behind a snapshot, and up to where a topic is archived, without reading all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from threading import Lock
from typing import Final

import polars as pl

from ingestion.archive import ARRIVAL, Archive
from ingestion.joined import REWRITTEN, original
from ingestion.stream.positions import Positions

_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "name": pl.String(),
    "partition": pl.Int32(),
    "first_offset": pl.Int64(),
    "last_offset": pl.Int64(),
    "first_us": pl.Int64(),
    "last_us": pl.Int64(),
    "rows": pl.Int64(),
}
_AT_ONCE: Final = 2_000
"""Files opened together."""


@dataclass(frozen=True)
class Listing:
    """What an archive held at one moment.

    Attributes:
        lines: One for each file and partition: columns ``name``, ``partition``, first and last offset, first and last
            arrival (microseconds), ``rows``. The partition is null for rows that have no place in the topic: those that
            were loaded from files, and those of a topic of another name.
    """

    lines: pl.DataFrame

    @cached_property
    def names(self) -> frozenset[str]:
        """All files."""
        return frozenset(self.lines["name"])

    @cached_property
    def originals(self) -> frozenset[str]:
        """Names that all files had when they were archived, by which a state remembers them."""
        return frozenset(map(original, self.names))

    @cached_property
    def unplaced(self) -> frozenset[str]:
        """Such names of files with rows that have no place in the topic."""
        return frozenset(map(original, self.lines.filter(pl.col("partition").is_null())["name"]))

    def last_offsets(self) -> dict[int, int]:
        """Highest archived offset of each partition of the topic."""
        own = self.lines.drop_nulls("partition").group_by("partition").agg(pl.col("last_offset").max())
        return dict(own.iter_rows())

    def newest_us(self) -> int | None:
        """The last arrival; None while nothing is archived."""
        newest = self.lines["last_us"].max()
        return newest if isinstance(newest, int) else None

    def behind(self, positions: Positions, counted: frozenset[str]) -> pl.DataFrame:
        """The lines of files with rows that a state does not hold yet.

        Args:
            positions: How far the state has taken the topic in.
            counted: Files, by their original names, of which it holds all rows.
        """
        place = pl.col("partition")
        position = (
            place.replace_strict(dict(positions), default=0, return_dtype=pl.Int64)
            if positions
            else pl.lit(0)
        )
        return self.lines.filter(
            ~pl.col("name").str.replace(REWRITTEN, "").is_in(list(counted)),
            place.is_null() | (pl.col("last_offset") >= position),
        )


class ArchiveIndex:
    """Keeps the listing of an archive up to date. Used by several threads.

    Attributes:
        listing: The last one.

    Args:
        archive: The archive.
        topic: The topic that is archived there.
    """

    def __init__(self, archive: Archive, topic: str) -> None:
        self._archive = archive
        self._topic = topic
        self._lock = Lock()
        self.listing = Listing(pl.DataFrame(schema=dict(_SCHEMA)))

    def load(self, saved: bytes) -> None:
        """Take over what `saved` was once told, if nothing is known yet."""
        with self._lock:
            if self.listing.lines.is_empty():
                self.listing = Listing(pl.read_ipc(BytesIO(saved)).select(list(_SCHEMA)))

    def saved(self) -> bytes:
        """All of it, for `load`."""
        content = BytesIO()
        self.listing.lines.write_ipc(content)
        return content.getvalue()

    def refresh(self) -> Listing:
        """Open the files that are new, forget those that are gone.

        Raises:
            FileNotFoundError: a file was replaced meanwhile; ask again.
        """
        with self._lock:
            present = settled_files(self._archive)
            known = self.listing.lines.filter(pl.col("name").is_in(present))
            fresh = sorted(set(present) - set(known["name"]))
            parts = [self._read(fresh[i : i + _AT_ONCE]) for i in range(0, len(fresh), _AT_ONCE)]
            if parts or known.height < self.listing.lines.height:
                self.listing = Listing(pl.concat([known, *parts]).rechunk())
            return self.listing

    def _read(self, names: Sequence[str]) -> pl.DataFrame:
        ours = pl.col("_topic").eq_missing(pl.lit(self._topic))
        arrival = pl.col(ARRIVAL).to_physical()
        return (
            self._archive.folder.scan(names, name_column="name")
            .group_by("name", pl.when(ours).then("_partition").alias("partition"))
            .agg(
                pl.when(ours).then("_offset").min().alias("first_offset"),
                pl.when(ours).then("_offset").max().alias("last_offset"),
                arrival.min().alias("first_us"),
                arrival.max().alias("last_us"),
                pl.len().alias("rows"),
            )
            .select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
            .collect()
        )


def settled_files(archive: Archive) -> list[str]:
    """The files at a moment at which no batch of several was half visible.

    A batch is moved file by file while its journal is there, so two equal listings without a journal behind them show
    all of each batch or none.
    """
    while True:
        archive.folder.finish_interrupted()
        first = archive.files()
        if first == archive.files() and not archive.folder.is_pending():
            return first
