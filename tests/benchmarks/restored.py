"""Every value of the online store, and of history at the same instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import polars as pl

from infra.parity import values_equal
from tests.benchmarks.stage import Stage

ROWS_AT_ONCE = 5_000

Values: TypeAlias = Mapping[tuple[str, str, tuple[Any, ...]], Any]
"""View, feature and entity to the value."""


@dataclass(frozen=True)
class Shown:
    """A view, and the entities that its archive or table names.

    Attributes:
        name: Its name.
        features: Their names.
        entities: A row for each, its join keys as columns.
    """

    name: str
    features: list[str]
    entities: pl.DataFrame


def views_of(stage: Stage) -> list[Shown]:
    """All that are served online."""
    store = stage.store()
    views = [*store.list_batch_feature_views(), *store.list_stream_feature_views()]
    return [_shown(stage, view) for view in views if view.online]


def online_of(stage: Stage, views: list[Shown]) -> Values:
    """What `get_online_features` says of all of them."""
    store, values = stage.store(), {}
    for view in views:
        asked = [f"{view.name}:{feature}" for feature in view.features]
        for part in view.entities.iter_slices(ROWS_AT_ONCE):
            told = store.get_online_features(asked, part.to_dicts()).to_dict()
            values.update(_values(view, part, told))
    return values


def history_of(stage: Stage, views: list[Shown]) -> Values:
    """What `get_historical_features` says of all of them, just behind the newest event; late events count from their own time on."""
    path = stage.configuration("corrected")
    path.write_text(
        path.read_text().replace(f"root: {stage.data}", f"root: {stage.data}, as_corrected: true")
    )
    store, instant, values = stage.store("corrected"), _newest(stage) + timedelta(microseconds=1), {}
    for view in views:
        asked = view.entities.with_columns(event_timestamp=pl.lit(instant)).to_pandas()
        names = [f"{view.name}:{feature}" for feature in view.features]
        told = pl.from_pandas(store.get_historical_features(asked, names).to_df()).to_dict(as_series=False)
        values.update(_values(view, view.entities, told))
    return values


def equal(wanted: Values, found: Values) -> int:
    """How many values are the same: floats to 1e-9 relative."""
    return sum(values_equal(found[key], value) for key, value in wanted.items())


def _values(view: Shown, entities: pl.DataFrame, told: Mapping[str, list[Any]]) -> Values:
    keys = entities.rows()
    return {
        (view.name, feature, key): value
        for feature in view.features
        for key, value in zip(keys, told[feature], strict=True)
    }


def _shown(stage: Stage, view: Any) -> Shown:
    keys = [column.name for column in view.entity_columns]
    files = stage.data / view.batch_source.path
    rows = pl.read_parquet(f"{files}/**/*.parquet", columns=keys)
    features = [feature.name for feature in view.features]
    return Shown(view.name, features, rows.drop_nulls().unique(maintain_order=True))


def _newest(stage: Stage) -> datetime:
    files = f"{stage.data}/archive/*/**/*.parquet"
    times = pl.scan_parquet(files, missing_columns="insert", extra_columns="ignore").select("event_timestamp")
    newest = times.max().collect().item()
    assert isinstance(newest, datetime)
    return newest
