"""Feast's offline store over parquet files: point-in-time joins of tables, and windows straight from event archives.

In ``feature_store.yaml``::

    offline_store:
      type: ingestion.stores.offline.ParquetOfflineStore
      root: ../data            # where relative paths of file sources start; relative to the repository
      as_corrected: false      # true: a late event counts from when it happened, not from when it arrived
      memory_limit_mb: 2048    # about; a history that takes more is read in parts
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from feast.data_source import DataSource
from feast.feature_logging import LoggingConfig, LoggingSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.utils import compute_non_entity_date_range
from pydantic import Field, model_validator

from ingestion.archive import TIMESTAMP_TYPE
from ingestion.derive import is_windowed
from ingestion.folder import Folder
from ingestion.stores import plain, windowed
from ingestion.stores.entity_rows import EntityRows, EntityRowsError
from ingestion.stores.requests import ViewRequest, requests
from ingestion.stores.retrieval_job import ParquetRetrievalJob
from ingestion.stores.sources import Source, SourceError, place
from ingestion.stores.times import utc_microseconds
from ingestion.stores.variables import refuse_unset
from ingestion.windows.grid import INSTANT

_WIDE: Final[dict[Any, Any]] = {pl.Int32: pl.Int64, pl.Float32: pl.Float64}
"""Narrow numbers are rounded as they are served, and 64 bits wide as a response of the online store has them: on-demand
views then compute the same on both, and Feast takes no narrower ones from them."""


class ParquetOfflineStoreConfig(FeastConfigBaseModel):
    """Settings of `ParquetOfflineStore`."""

    type: str = "ingestion.stores.offline.ParquetOfflineStore"
    """Dotted path of the store."""

    root: str = "."
    """Folder or fsspec URL at which relative paths of file sources start; itself relative to the repository."""

    as_corrected: bool = False
    """Count a late event from its event time on, instead of from its arrival on, as it was known then."""

    memory_limit_mb: int = Field(default=2048, gt=0)
    """How much memory a retrieval or a materialization may take for history, about; more of it is read in parts."""

    @property
    def memory_limit_bytes(self) -> int:
        """The same in bytes."""
        return self.memory_limit_mb * 2**20

    @model_validator(mode="before")
    @classmethod
    def _every_variable_is_set(cls, settings: dict[str, Any]) -> dict[str, Any]:
        refuse_unset("offline_store", settings)
        return settings


class ParquetOfflineStore(OfflineStore):
    """Reads and appends parquet files below one root; see the module."""

    supports_filter_by_created_timestamp = True

    @classmethod
    def get_historical_features(  # Feast's interface
        cls,
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: Any,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        *,
        filter_by_created_timestamp: bool = False,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> ParquetRetrievalJob:
        """Features at the instants of the entity rows: exactly those rows, in their order.

        Args:
            config: Repository configuration.
            feature_views: Views that are asked, with their projections.
            feature_refs: ``view:feature`` of each feature.
            entity_df: Keys, instants and request data: a pandas or polars dataframe, or the path of a parquet file. With a
                column ``known_timestamp`` windows are told as they were known then: of the events that had arrived by it,
                be it before or after the row's instant; tables are told as of the instant alone. With ``behind_partition``
                and ``behind_known_timestamp`` the events of that partition had to arrive by the latter instead.
                None: every entity with a row between `start_date` and `end_date`, at `end_date`.
            registry: Where on-demand views are looked up.
            project: Name of the project.
            full_feature_names: Name features ``view__feature``.
            filter_by_created_timestamp: Leave out rows of tables that were created after the instant.
            start_date: Without entity rows: first time.
            end_date: Without entity rows: the instant.

        Raises:
            EntityRowsError: the entity rows lack a key or an instant.
            SourceError: a source is not there or lacks a column.
        """
        asked = requests(feature_views, feature_refs, full_names=full_feature_names)
        if entity_df is None:
            rows = _known_entities(
                config, asked, *compute_non_entity_date_range(feature_views, start_date, end_date)
            )
        else:
            rows = EntityRows.read(entity_df)
        first, last = rows.interval()
        return ParquetRetrievalJob(
            config,
            lambda: _join(cls, config, asked, rows, created_by_then=filter_by_created_timestamp),
            on_demand=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            full_names=full_feature_names,
            metadata=RetrievalMetadata(
                features=feature_refs, keys=rows.keys, min_event_timestamp=first, max_event_timestamp=last
            ),
        )

    @staticmethod
    def answer(
        config: RepoConfig,
        questions: Sequence[windowed.Question],
        interval: tuple[datetime, datetime],
        *,
        as_known: bool,
    ) -> list[pl.DataFrame]:
        """Windowed features: one frame of feature columns for each question; see `windowed.answer`."""
        limit_bytes = config.offline_store.memory_limit_bytes
        return windowed.answer(questions, interval, as_known=as_known, limit_bytes=limit_bytes)

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> ParquetRetrievalJob:
        """The newest row of each key in ``[start_date, end_date]``; see Feast's `OfflineStore`."""

        def evaluate() -> pa.Table:
            columns = plain.Columns(
                join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column or None
            )
            history = plain.open_history(
                Source(config, data_source),
                columns,
                (start_date, end_date),
                config.offline_store.memory_limit_bytes,
            )
            return plain.newest(history).to_arrow()

        return ParquetRetrievalJob(config, evaluate)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> ParquetRetrievalJob:
        """All rows in ``[start_date, end_date]``; see Feast's `OfflineStore`."""

        def evaluate() -> pa.Table:
            times = [timestamp_field, *([created_timestamp_column] if created_timestamp_column else [])]
            columns = [*join_key_columns, *feature_name_columns, *times]
            table = Source(config, data_source).table(columns, times=times, start=start_date, end=end_date)
            return table.read(columns, start_date, end_date).to_arrow()

        return ParquetRetrievalJob(config, evaluate)

    @staticmethod
    def offline_write_batch(
        config: RepoConfig,
        feature_view: FeatureView,
        table: pa.Table,
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Append rows to the table behind a plain view, as a new file.

        Raises:
            SourceError: the view is computed from events, or a column is missing or unknown.
        """
        if is_windowed(feature_view):
            raise SourceError(
                f"view {feature_view.name!r} is computed from events, its rows are not stored offline; "
                "archive the events, or push to the online store only"
            )
        source = Source(config, feature_view.batch_source)
        rows = _as_declared(source, feature_view, table)
        source.append(rows, timestamp=source.column(feature_view.batch_source.timestamp_field))
        if progress:
            progress(rows.height)

    @staticmethod
    def write_logged_features(
        config: RepoConfig,
        data: pa.Table | Path,
        source: LoggingSource,  # noqa: ARG004  # Feast's interface; the table carries its schema
        logging_config: LoggingConfig,
        registry: BaseRegistry,  # noqa: ARG004
    ) -> None:
        """Append a log of served features to the folder of its destination.

        Raises:
            SourceError: the destination is no folder of files.
        """
        destination = logging_config.destination
        if not isinstance(destination, FileLoggingDestination):
            raise SourceError(
                f"this store logs to a FileLoggingDestination, not to a {type(destination).__name__}"
            )
        rows = _frame(pq.read_table(data) if isinstance(data, Path) else data)
        by = destination.partition_by or []
        parts = rows.partition_by(by, maintain_order=True) if by else [rows]
        folder = Folder(place(config, destination.path), endpoint=destination.s3_endpoint_override)
        folder.publish({_log_file(part, by): part for part in parts if part.height})

    def validate_data_source(self, config: RepoConfig, data_source: DataSource) -> None:
        """Check that a source has its time column; a source that has no rows yet is in order.

        Raises:
            SourceError: it is no file source, or has rows without the time column.
        """
        source = Source(config, data_source)
        if source.is_empty():
            return
        schema, time = source.schema(), source.column(data_source.timestamp_field)
        if data_source.timestamp_field and time not in schema:
            raise SourceError(
                f"{data_source.name!r} ({source.url}) has no column {time!r}; it has {sorted(schema)}"
            )

    def get_table_column_names_and_types_from_data_source(
        self, config: RepoConfig, data_source: DataSource
    ) -> Iterable[tuple[str, str]]:
        """Names and arrow types of a source's columns."""
        empty = pl.DataFrame(schema=Source(config, data_source).schema()).to_arrow()
        return [(field.name, str(field.type).replace("large_", "")) for field in empty.schema]


def _join(
    store: type[ParquetOfflineStore],
    config: RepoConfig,
    asked: Sequence[ViewRequest],
    rows: EntityRows,
    *,
    created_by_then: bool,
) -> pa.Table:
    questions: dict[int, windowed.Question] = {}
    frames: dict[int, pl.DataFrame] = {}
    for i, request in enumerate(asked):
        source = Source(config, request.view.batch_source)
        keyed = rows.keyed(request.name, *_keys(source, request))
        if is_windowed(request.view):
            questions[i] = windowed.ask(request, source, keyed.with_columns(rows.known()))
        else:
            frames[i] = plain.values(
                request,
                source,
                keyed,
                rows.interval(),
                created_by_then=created_by_then,
                limit_bytes=config.offline_store.memory_limit_bytes,
            )
    as_known = created_by_then or not config.offline_store.as_corrected
    answers = store.answer(config, list(questions.values()), rows.interval(), as_known=as_known)
    frames |= dict(zip(questions, answers, strict=True))
    return rows.with_features([frames[i].cast(_WIDE) for i in range(len(asked))])


def _keys(source: Source, request: ViewRequest) -> tuple[dict[str, str], dict[str, pl.DataType]]:
    """Our column for each key of the source, and the key's type there."""
    columns = {source.column(key): ours for key, ours in request.keys.items()}
    declared = plain.declared_types(request.view, source)
    stored = source.stored_types()
    return columns, {key: stored.get(key, declared[key]) for key in columns}


def _known_entities(
    config: RepoConfig, asked: Sequence[ViewRequest], start: datetime, end: datetime
) -> EntityRows:
    """Every entity that any of the views has a row of between two times, at the second of them.

    Raises:
        EntityRowsError: the views describe different entities.
    """
    keys = {tuple(request.keys.values()) for request in asked}
    if len(keys) != 1:
        raise EntityRowsError(
            f"without entity_df all views must have the same join keys, these have {sorted(keys)}; give an entity_df"
        )
    (names,) = keys
    found = [
        _entities(config, request, (start, end)).rename(dict(zip(request.keys, names, strict=True)))
        for request in asked
    ]
    rows = pl.concat(found).unique(maintain_order=True) if names else pl.DataFrame([None])
    return EntityRows.read(rows.select(*names, pl.lit(end).cast(TIMESTAMP_TYPE).alias(INSTANT)))


def _entities(config: RepoConfig, request: ViewRequest, interval: tuple[datetime, datetime]) -> pl.DataFrame:
    source = Source(config, request.view.batch_source)
    columns = {source.column(key): key for key in request.keys}
    time, _ = plain.time_columns(source)
    if source.is_empty_folder():
        rows = pl.DataFrame(schema=plain.declared_types(request.view, source))
    else:
        table = source.table([*columns, time], times=[time], start=interval[0], end=interval[1])
        rows = table.read(list(columns), *interval)
    return rows.select(pl.col(column).alias(key) for column, key in columns.items()).drop_nulls()


def _as_declared(source: Source, view: FeatureView, table: pa.Table) -> pl.DataFrame:
    """Rows as the files of a view's table name and type them; the first file has the types that the view declares.

    Raises:
        SourceError: if a column is missing or unknown.
    """
    rows = _frame(table).rename(source.column)
    stored = source.stored_types()
    types = {name: stored.get(name, kind) for name, kind in plain.declared_types(view, source).items()}
    known = {*types} | {*stored}
    missing, unknown = sorted({*types} - {*rows.columns}), sorted({*rows.columns} - known)
    if missing or unknown:
        raise SourceError(
            f"the table of view {view.name!r} has the columns {sorted(known)}; missing: {missing}, unknown: {unknown}"
        )
    times = [time for time in plain.time_columns(source) if time]
    rows = rows.with_columns(utc_microseconds(time, rows.schema[time]) for time in times)
    return rows.cast({name: kind for name, kind in types.items() if name not in times})


def _log_file(rows: pl.DataFrame, by: Sequence[str]) -> str:
    folders = "".join(f"{column}={rows[column][0]}/" for column in by)
    return f"{folders}{uuid.uuid4().hex}.parquet"


def _frame(table: pa.Table) -> pl.DataFrame:
    frame: Any = pl.from_arrow(table)
    return frame
