"""Hands rows in columns to an online store, ours or any of Feast's."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import polars as pl
from feast.infra.online_stores.online_store import OnlineStore
from feast.repo_config import RepoConfig
from feast.utils import _convert_arrow_to_proto

Progress = Callable[[int], Any]

ROWS_AT_ONCE: Final = 50_000
"""Rows that are turned into protobuf objects at once, some 10 kB each."""


class Writer(Protocol):
    """Writes rows (join keys, features, the view's time columns) and reports how many are done."""

    def __call__(self, rows: pl.DataFrame, progress: Progress | None, *, equal_wins: bool) -> None:
        """Write; `equal_wins` says whether a row replaces a stored one of the very same instant."""


def writer_of(config: RepoConfig, store: OnlineStore, view: Any) -> Writer:
    """The store's own path for columns where it has one, else Feast's rows of protobuf values.

    Feast's own stores decide by themselves what a row of the same instant does.
    """

    def columns(rows: pl.DataFrame, progress: Progress | None, *, equal_wins: bool) -> None:
        store.write_columns(config, view, rows.to_arrow(), progress, equal_wins=equal_wins)

    def values(rows: pl.DataFrame, progress: Progress | None, *, equal_wins: bool) -> None:  # noqa: ARG001
        for part in rows.iter_slices(ROWS_AT_ONCE):
            _write_rows(config, store, view, part, progress)

    return columns if hasattr(store, "write_columns") else values


def _write_rows(
    config: RepoConfig, store: OnlineStore, view: Any, rows: pl.DataFrame, progress: Progress | None
) -> None:
    created = view.batch_source.created_timestamp_column
    if created and created not in rows.columns:
        # A window has no time of creation of its own; Feast's conversion asks for one.
        rows = rows.with_columns(pl.col(view.batch_source.timestamp_field).alias(created))
    (batch,) = rows.to_arrow().combine_chunks().to_batches()
    keys = {column.name: column.dtype.to_value_type() for column in view.entity_columns}
    store.online_write_batch(config, view, _convert_arrow_to_proto(batch, view, keys), progress)
