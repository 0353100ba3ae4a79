"""Rows as one value of bytes: exact types, nulls included, through every table that only knows bytes."""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Final

import polars as pl

from ingestion.shares import shares_of

SHARE: Final = "share"
"""Column of the number of a share."""
EVENTS: Final = "events"
"""Column of packed events."""


def packed(rows: pl.DataFrame) -> bytes:
    """Rows as bytes."""
    content = BytesIO()
    rows.write_ipc_stream(content)
    return content.getvalue()


def unpacked(content: bytes) -> pl.DataFrame:
    """What `packed` was given."""
    return pl.read_ipc_stream(content)


def together(contents: Iterable[bytes], order: Sequence[str]) -> pl.DataFrame | None:
    """Rows of several packs, sorted; None where there is no pack."""
    parts = [unpacked(content) for content in contents]
    return pl.concat(parts).sort(order, maintain_order=True) if parts else None


def by_share(rows: pl.DataFrame, keys: Sequence[str], shares: int) -> Iterator[tuple[int, bytes]]:
    """The rows of each share that has any, packed, in their order."""
    if rows.is_empty():
        return
    numbers = pl.Series(SHARE, shares_of([rows[key] for key in keys], shares))
    for part in rows.with_columns(numbers).partition_by(SHARE, maintain_order=True):
        yield int(part[SHARE][0]), packed(part.drop(SHARE))
