"""Feast's retrieval job over a function that makes an arrow table; nothing is read before the result is asked for."""

import uuid
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import RepoConfig

from ingestion.folder import Folder
from ingestion.stores.sources import place

ROWS_PER_FILE = 1_000_000


class ParquetRetrievalJob(RetrievalJob):
    """A retrieval that runs when its result is asked for.

    Args:
        config: Repository configuration, for the place of what is written.
        evaluate: Makes the result without on-demand features.
        on_demand: Views that are computed on top.
        full_names: Whether features are named ``view__feature``.
        metadata: What was asked, for saved datasets.
    """

    def __init__(
        self,
        config: RepoConfig,
        evaluate: Callable[[], pa.Table],
        *,
        on_demand: Sequence[OnDemandFeatureView] = (),
        full_names: bool = False,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._config = config
        self._evaluate = evaluate
        self._on_demand = list(on_demand)
        self._full_names = full_names
        self._metadata = metadata

    @property
    def full_feature_names(self) -> bool:
        """Whether features are named ``view__feature``."""
        return self._full_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """Views that are computed on top of the result."""
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What was asked: features, keys and the interval of the instants."""
        return self._metadata

    def persist(
        self,
        storage: SavedDatasetFileStorage,
        allow_overwrite: bool = False,
        timeout: int | None = None,
    ) -> None:
        """Write the result where a saved dataset is kept: one parquet file, or a folder of them.

        Raises:
            SavedDatasetLocationAlreadyExists: something is there and may not be overwritten.
        """
        url = place(self._config, storage.file_options.uri)
        path = PurePosixPath(url)
        is_file = path.suffix == ".parquet"
        endpoint = storage.file_options.s3_endpoint_override or ""
        folder = Folder(url.removesuffix(f"/{path.name}") if is_file else url, endpoint=endpoint)
        old = [name for name in folder.files() if not is_file or name == path.name]
        if old and not allow_overwrite:
            raise SavedDatasetLocationAlreadyExists(location=url)
        rows = _frame(self.to_arrow(timeout=timeout))
        files = {path.name: rows} if is_file else _split(rows)
        folder.publish(files)
        folder.remove([name for name in old if name not in files])

    def supports_remote_storage_export(self) -> bool:
        """Results can be written to files in a place that others can read."""
        return True

    def to_remote_storage(self) -> list[str]:
        """Write the result as parquet files to a new folder below ``exports`` of the store's root; returns their paths."""
        folder = Folder(place(self._config, f"exports/{uuid.uuid4().hex}"))
        return folder.publish(_split(_frame(self.to_arrow())))

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:  # noqa: ARG002  # Feast's interface
        return _with_plain_types(self._evaluate())

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()


def _with_plain_types(table: pa.Table) -> pa.Table:
    """Strings, bytes and lists as Feast's other stores return them, not their large variants."""
    schema = pa.schema([field.with_type(_plain(field.type)) for field in table.schema], table.schema.metadata)
    return table if schema.equals(table.schema) else table.cast(schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_binary(kind):
        return pa.binary()
    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    return kind


def _frame(table: pa.Table) -> pl.DataFrame:
    frame: Any = pl.from_arrow(table)
    return frame


def _split(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    batch = uuid.uuid4().hex
    starts = range(0, max(rows.height, 1), ROWS_PER_FILE)
    return {f"{batch}-{i:05d}.parquet": rows.slice(start, ROWS_PER_FILE) for i, start in enumerate(starts)}
