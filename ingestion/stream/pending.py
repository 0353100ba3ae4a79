"""Rows of entities whose windows lost a tile: many at once at a boundary, pushed in portions between the events.

An entity with a newer row must not be overwritten by an older one that waits here (the clocks of both may be equal),
so whatever is pushed for an entity replaces what waits for it.
"""

from collections.abc import Sequence

import polars as pl


class Pending:
    """Waiting rows of one view, one per entity.

    Args:
        keys: Join keys of the view.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        self._rows: pl.DataFrame | None = None

    def __len__(self) -> int:
        return 0 if self._rows is None else self._rows.height

    def supersede(self, rows: pl.DataFrame) -> None:
        """Drop what waits for the entities of ``rows``: newer rows of theirs are pushed right now."""
        if self._rows is None or rows.is_empty():
            return
        self._rows = self._rows.join(
            rows.select(self._keys), on=self._keys, how="anti", maintain_order="left"
        )

    def add(self, rows: pl.DataFrame) -> None:
        """Let rows wait; they replace those of the same entities."""
        if rows.is_empty():
            return
        self.supersede(rows)
        self._rows = rows if self._rows is None or self._rows.is_empty() else pl.concat([self._rows, rows])

    def take(self, most: int) -> pl.DataFrame | None:
        """Up to ``most`` rows, those that wait longest first; None when nothing waits."""
        if self._rows is None or self._rows.is_empty() or most <= 0:
            return None
        taken, self._rows = self._rows.head(most), self._rows.slice(most)
        return taken
