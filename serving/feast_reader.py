"""Stored features of entities through Feast's online store. Hot path."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import redis.exceptions
from feast import FeatureStore
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

from serving.deadline import deadline
from serving.errors import FeaturesUnavailableError
from serving.features import Features, Row, Rung, Status, ViewRows
from serving.metrics import Metrics
from serving.plan import FeaturePlan

ROW_SECONDS = 0.0001
"""What each row adds to the deadline of a read: a thousand take longer than one."""
_NAMES: dict[int, Status] = {number: cast("Status", name) for name, number in FieldStatus.items()}
_NAMES[FieldStatus.NULL_VALUE] = _NAMES[FieldStatus.PRESENT]  # a null is told of a value; its row is there


class FeastReader:
    """Reads through ``FeatureStore.get_online_features_async``; on-demand views are left to `serving.on_demand`.

    Args:
        store: Where features are.
        plan: Which features.
        timeout_seconds: How long a read may take; each row adds ``ROW_SECONDS``.
        metrics: Where found and unknown entities are counted.
    """

    def __init__(
        self, store: FeatureStore, plan: FeaturePlan, timeout_seconds: float, metrics: Metrics
    ) -> None:
        self._store = store
        self._references = list(plan.stored)
        self._keys = plan.keys
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics

    async def read(self, rows: Sequence[Row]) -> Features:
        """See `serving.features.FeatureReader`."""
        entities = {key: [row[key] for row in rows] for key in self._keys}
        response = await self._stored(entities, self._timeout_seconds + ROW_SECONDS * len(rows))
        views = views_of(response, self._references)
        for view, found in views.items():
            for status in set(found.statuses):
                self._metrics.view_read(view, status, found.statuses.count(status))
        return Features(response.to_dict(), views)

    async def _stored(self, entities: Mapping[str, Sequence[Any]], seconds: float) -> OnlineResponse:
        try:
            async with deadline(seconds):
                return await self._store.get_online_features_async(
                    features=self._references, entity_rows=entities
                )
        except TimeoutError as error:
            raise FeaturesUnavailableError(f"reading features took longer than {seconds:.3g} s") from error
        except (OSError, redis.exceptions.RedisError) as error:
            raise FeaturesUnavailableError(f"features cannot be read: {error}") from error


def views_of(response: OnlineResponse, references: Sequence[str]) -> dict[str, ViewRows]:
    """What each view gave; a response that can tell without its protobuf is asked for just that."""
    if hasattr(response, "rows_of_views"):
        told = response.rows_of_views()
        return {view: _live(statuses, timestamps) for view, (statuses, timestamps) in told.items()}
    vectors = dict(zip(response.proto.metadata.feature_names.val, response.proto.results, strict=True))
    return {
        view: _live(
            vectors[feature].statuses,
            [at.ToMicroseconds() or None for at in vectors[feature].event_timestamps],
        )
        for view, feature in _first_features(references).items()
    }


def _live(statuses: Sequence[int], timestamps_us: Sequence[int | None]) -> ViewRows:
    rungs: list[Rung] = ["live"] * len(statuses)
    return ViewRows([_NAMES[status] for status in statuses], timestamps_us, rungs)


def _first_features(references: Sequence[str]) -> dict[str, str]:
    """Of each view the first feature: it tells for all of its view."""
    first: dict[str, str] = {}
    for reference in references:
        view, _, feature = reference.partition(":")
        first.setdefault(view, feature)
    return first
