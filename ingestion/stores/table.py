"""The rows of parquet files in a fixed order, of which only what is needed is ever read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.archive import TIMESTAMP_TYPE
from ingestion.folder import Folder
from ingestion.stores.offline_join import ROW
from ingestion.stores.passes import row_bytes
from ingestion.stores.times import between, utc_microseconds

Ints = NDArray[np.int64]

_PORTION_BYTES: Final = 32 * 2**20
"""How much of the values is decoded at once, about."""


@dataclass(frozen=True)
class Table:
    """Files of a folder, as they were listed once: what is added later is not seen.

    Attributes:
        folder: Where the files lie.
        names: The files, at least one.
        times: Columns that hold times, the event time first; they are read as UTC microseconds, naive is UTC.
    """

    folder: Folder
    names: Sequence[str]
    times: Sequence[str]

    @cached_property
    def schema(self) -> pl.Schema:
        """Columns and types, those of the newest file."""
        return self.folder.schema(self.names[-1])

    @cached_property
    def height(self) -> int:
        """How many rows there are, from the files' footers."""
        return self.folder.height(self.names)

    def read(
        self,
        columns: Sequence[str],
        start: datetime | None,
        end: datetime | None,
        chosen: pl.Expr | None = None,
        *,
        number: bool = False,
    ) -> pl.DataFrame:
        """Rows with ``start <= event time <= end`` (aware; None: without bound).

        Args:
            columns: Columns to read.
            start: First event time.
            end: Last event time, included.
            chosen: A further condition on the columns.
            number: Add `ROW`, the number of each row in the table.
        """
        rows = self.folder.scan(self.names, row_column=ROW if number else None)
        rows = rows.with_columns(self._times([*columns, self.times[0]])).filter(
            *between(self.times[0], start, end)
        )
        rows = rows if chosen is None else rows.filter(chosen)
        return rows.select(*dict.fromkeys(columns), *([ROW] if number else [])).collect()

    def gather(self, columns: Sequence[str], rows: Ints) -> pl.DataFrame:
        """Values of rows given by number, in the order given; null where the number is negative."""
        pieces, places = [self._nothing(columns)], [np.empty(0, dtype=np.int64)]
        for first, stop, scan in self.folder.portions(self.names, self._rows_at_once(columns)):
            here = np.flatnonzero((rows >= first) & (rows < stop))
            if len(here):
                read = scan.with_columns(self._times(columns)).select(columns).collect()
                pieces.append(read.select(pl.all().gather(rows[here] - first)))
                places.append(here)
        found, asked = pl.concat(pieces), np.concatenate(places)
        order = np.full(len(rows), found.height)
        order[asked] = np.arange(found.height)
        return found.select(pl.all().gather(pl.Series(order).set(pl.Series(order == found.height), None)))

    def _rows_at_once(self, columns: Sequence[str]) -> int:
        return max(1, _PORTION_BYTES // max(1, row_bytes(self.schema, columns)))

    def _nothing(self, columns: Sequence[str]) -> pl.DataFrame:
        rows = pl.LazyFrame(schema={column: self.schema[column] for column in columns})
        return rows.with_columns(self._times(columns)).collect()

    def _times(self, columns: Sequence[str]) -> list[pl.Expr]:
        """A time that is stored as it is read keeps its statistics, by which files are skipped."""
        asked = [time for time in self.times if time in columns and self.schema[time] != TIMESTAMP_TYPE]
        return [utc_microseconds(time, self.schema[time]) for time in asked]
