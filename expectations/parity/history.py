"""History's side of the comparison: always through Feast's `get_historical_features`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl
from feast.infra.offline_stores.offline_utils import get_offline_store_from_config

from expectations.parity.plan import OnDemandView, ServicePlan, StoredView
from expectations.parity.values import as_kind
from expectations.served import TIME

KNOWN: Final = "known_timestamp"
"""Column of entity rows by which our offline store tells windows as they were known at another instant."""
BEHIND, BEHIND_KNOWN = "behind_partition", "behind_known_timestamp"
"""Columns beside it: of that partition's events what was known at another instant yet."""
ARRIVED: Final = "arrived"
PARTITION: Final = "_partition"
"""Column of archives of events: where each one came from."""


def of_service(store: Any, plan: ServicePlan, asked: pl.DataFrame) -> pl.DataFrame:
    """Features of a service, and what its on-demand views take, as of the instants of rows.

    Args:
        store: A ``feast.FeatureStore``.
        plan: The service.
        asked: Join keys, `TIME` and request columns.

    Returns:
        A column per feature, a row per row of `asked`.
    """
    return _ask(store, asked.select(*plan.keys, TIME, *plan.request), plan.references, plan.kinds)


def of_view(store: Any, view: StoredView, asked: pl.DataFrame) -> pl.DataFrame:
    """Features of a stored view, for rows of its join keys and `TIME`; of what was known, too, where it is windowed."""
    known = () if view.reach is None else (KNOWN, BEHIND, BEHIND_KNOWN)
    columns = [*view.keys, TIME, *(name for name in known if name in asked.columns)]
    references = [f"{view.name}:{feature}" for feature in view.features]
    return _ask(store, asked.select(columns), references, view.features)


def of_inputs(view: OnDemandView, inputs: pl.DataFrame) -> pl.DataFrame:
    """Features of an on-demand view, computed by Feast from stored and request values."""
    made: Any = pl.from_arrow(
        view.view.transform_arrow(inputs.to_arrow(compat_level=pl.CompatLevel.oldest()))
    )
    return _typed(made, view.features)


def arrivals(store: Any, view: StoredView, first: datetime, last: datetime) -> pl.DataFrame:
    """When what lies behind a view arrived: all that its windows at instants from `first` to `last` may hold.

    Returns:
        Join keys, `TIME`, `ARRIVED` (of a table whose rows tell no creation: their time) and `PARTITION` (null where the
        archive does not tell).
    """
    offline = get_offline_store_from_config(store.config.offline_store)
    source, reach = view.source, view.reach or timedelta(0)
    named = {ours: theirs for theirs, ours in source.field_mapping.items()}
    columns = {named.get(key, key): key for key in view.keys}
    arrived = source.created_timestamp_column or source.timestamp_field
    has = {
        name for name, _ in offline.get_table_column_names_and_types_from_data_source(store.config, source)
    }
    partition = [PARTITION] if PARTITION in has else []
    job = offline.pull_all_from_table_or_query(
        config=store.config,
        data_source=source,
        join_key_columns=list(columns),
        feature_name_columns=partition,
        timestamp_field=source.timestamp_field,
        created_timestamp_column=source.created_timestamp_column or None,
        start_date=first - reach,
        end_date=last,
    )
    found: Any = pl.from_arrow(job.to_arrow())
    instant = pl.Datetime("us", "UTC")
    return found.select(
        *(pl.col(theirs).alias(ours) for theirs, ours in columns.items()),
        pl.col(source.timestamp_field).cast(instant).alias(TIME),
        pl.col(arrived).cast(instant).alias(ARRIVED),
        (pl.col(PARTITION) if partition else pl.lit(None).alias(PARTITION)).cast(pl.Int64),
    )


def _ask(
    store: Any, rows: pl.DataFrame, features: list[str], kinds: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    job = store.get_historical_features(entity_df=rows, features=features)
    found: Any = pl.from_arrow(job.to_arrow())
    if found.height != rows.height:
        raise RuntimeError(f"asked for {rows.height} rows, Feast returned {found.height}")
    return _typed(found, kinds)


def _typed(found: pl.DataFrame, kinds: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame([as_kind(found[name], kind) for name, kind in kinds.items()])
