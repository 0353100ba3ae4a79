"""Reads the Feast registry: what is computed and stored. Imports Feast."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feast import FeatureStore

from infra.capacity.definitions import Definitions, Topic, View, Window
from infra.capacity.errors import CapacityError
from ingestion.archive import ARRIVAL, POSITION_TYPES
from ingestion.stream.registry import event_topics


def read(feature_repo: Path) -> Definitions:
    """From the registry of a feature repo.

    Raises:
        CapacityError: it cannot be read, or nothing is registered.
    """
    warnings.filterwarnings("ignore", module="feast")
    try:
        store = FeatureStore(repo_path=str(feature_repo))
        return of_store(store)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise CapacityError(
            f"the registry of {feature_repo} cannot be read ({error}); run `feast -c {feature_repo} apply`, or name another "
            "folder with --feature-repo"
        ) from error


def of_store(store: Any) -> Definitions:
    """From the registry of an open feature store; raises what `event_topics` does."""
    topics = []
    for topic in event_topics(store):
        fields = topic.contract.polars_schema()
        topics.append(
            Topic(
                name=topic.name,
                fields=len(fields),
                columns=len({*fields, ARRIVAL, *POSITION_TYPES}),
                floats=sum(kind.is_float() for kind in fields.values()),
                horizon_seconds=topic.dedup_horizon_us / 1e6,
                views=tuple(map(view_of, topic.specs)),
            )
        )
    windowed = {view.name for topic in topics for view in topic.views}
    tables = [_table(view) for view in store.list_all_feature_views() if _is_table(view, windowed)]
    return Definitions(tuple(topics), tuple(tables))


def view_of(spec: Any) -> View:
    """A view from what it is compiled to (`ingestion.windows.spec.ViewSpec`)."""
    return View(
        name=spec.name,
        keys=tuple(sorted(spec.join_keys)),
        features=len(spec.features),
        windows=tuple(
            Window(length / 1e6, hop / 1e6, _features_over(spec.features, length, hop))
            for length, hop in spec.windows
        ),
        distinct=tuple(f.window_us / 1e6 for f in spec.features if f.function == "count_distinct"),
    )


def _features_over(features: Sequence[Any], length_us: int, hop_us: int) -> int:
    return sum((feature.window_us, feature.hop_us) == (length_us, hop_us) for feature in features)


def _is_table(view: Any, windowed: set[str]) -> bool:
    return hasattr(view, "batch_source") and view.name not in windowed and view.online


def _table(view: Any) -> View:
    keys = [column.name for column in view.entity_columns]
    return View(view.name, tuple(sorted(keys)), sum(field.name not in keys for field in view.features))
