"""The only door to data: archived events and point-in-time features, both through Feast's offline store."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from feast.infra.offline_stores.offline_utils import get_offline_store_from_config

from training.errors import NotEnoughHistoryError

ARRIVAL = "arrival_timestamp"
TIME = "event_timestamp"
_TIME_TYPE = pl.Datetime("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = datetime(2262, 1, 1, tzinfo=UTC)


def read_events(
    store: Any, source_name: str, columns: Sequence[str], start: datetime | None, end: datetime | None
) -> pl.DataFrame:
    """Archived events of a registered source with ``start <= event time < end``.

    Args:
        store: A ``feast.FeatureStore``.
        source_name: Name of the data source, such as ``orders_archive``.
        columns: Columns besides the event time and the arrival time.
        start: First event time (aware), None for all.
        end: Event time at which to stop (aware), None for all.

    Raises:
        NotEnoughHistoryError: if there is none.
    """
    source = store.get_data_source(source_name)
    job = get_offline_store_from_config(store.config.offline_store).pull_all_from_table_or_query(
        config=store.config,
        data_source=source,
        join_key_columns=[],
        feature_name_columns=list(columns),
        timestamp_field=source.timestamp_field,
        created_timestamp_column=source.created_timestamp_column,
        start_date=start or _EPOCH,
        end_date=end or _FAR,
    )
    events = _frame(job.to_arrow()).rename(
        {source.timestamp_field: TIME, source.created_timestamp_column: ARRIVAL}
    )
    # Feast leaves it to the store whether the end belongs to the interval; here it does not.
    events = events.filter(pl.col(TIME) < (end or _FAR)).select(TIME, ARRIVAL, *columns)
    if events.is_empty():
        raise NotEnoughHistoryError(
            f"{source_name!r} holds no event in [{start}, {end}); load a history first or move the window"
        )
    return events


def data_end(store: Any) -> datetime:
    """Just behind the newest order."""
    newest: datetime = read_events(store, "orders_archive", (), None, None)[TIME].max()  # type: ignore[assignment]
    return newest + timedelta(microseconds=1)


def read_features(store: Any, service_name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with the features of a service as they were known at each row's ``event_timestamp``.

    Args:
        store: A ``feast.FeatureStore``.
        service_name: Name of the feature service.
        rows: Join keys, ``event_timestamp`` and the request columns of the service, any order.

    Returns:
        As many rows in the same order, the columns of ``rows`` first.
    """
    job = store.get_historical_features(
        entity_df=rows.to_pandas(), features=store.get_feature_service(service_name)
    )
    features = _frame(job.to_arrow())
    if features.height != rows.height:
        raise RuntimeError(f"asked for {rows.height} rows, Feast returned {features.height}")
    return pl.concat([rows, features.drop(rows.columns, strict=False)], how="horizontal")


def feature_types(store: Any, service_name: str) -> dict[str, str]:
    """Name and Feast type name of every feature of a service, in the service's order."""
    service = store.get_feature_service(service_name)
    return {
        field.name: str(field.dtype)
        for projection in service.feature_view_projections
        for field in projection.features
    }


def windowed_features(store: Any, service_name: str) -> set[str]:
    """Features of a service that are windows over events, or are computed from such."""
    service = store.get_feature_service(service_name)
    return {
        field.name
        for projection in service.feature_view_projections
        if _is_windowed(store, projection.name)
        for field in projection.features
    }


def _is_windowed(store: Any, view_name: str) -> bool:
    view = store.registry.get_any_feature_view(view_name, store.project, allow_cache=True)
    sources = getattr(view, "source_feature_view_projections", {})
    return bool(getattr(view, "aggregations", None)) or any(
        _is_windowed(store, projection.name) for projection in sources.values()
    )


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  a table, not a column
    return frame.with_columns(pl.selectors.datetime().cast(_TIME_TYPE))
