"""Features of entities through Feast's online store. Hot path."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import redis.exceptions
from feast import FeatureStore, OnDemandFeatureView
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

from serving.errors import FeaturesUnavailableError
from serving.features import Columns, Row
from serving.metrics import Metrics
from serving.plan import FeaturePlan


class FeastReader:
    """Reads through ``FeatureStore.get_online_features_async``.

    Args:
        store: Where features are.
        plan: Which features.
        timeout_seconds: How long one read may take.
        metrics: Where found and unknown entities are counted.
    """

    def __init__(
        self, store: FeatureStore, plan: FeaturePlan, timeout_seconds: float, metrics: Metrics
    ) -> None:
        self._store = store
        self._references = list(plan.stored)
        self._keys = plan.keys
        self._on_demand = [(view, _inputs(view)) for view in plan.on_demand]
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._view_of_first = _view_of_first(plan.stored)

    async def read(self, rows: Sequence[Row]) -> Columns:
        """See `serving.features.FeatureReader`."""
        entities = {key: [row[key] for row in rows] for key in self._keys}
        response = await self._stored(entities)
        self._count_statuses(response)
        columns = response.to_dict()
        for view, inputs in self._on_demand:
            given = {
                name: columns[name] if name in columns else [row[name] for row in rows] for name in inputs
            }
            columns |= view.transform_dict(given)
        return columns

    def _count_statuses(self, response: OnlineResponse) -> None:
        """One feature tells for all of its view."""
        for name, statuses in statuses_of(response, self._view_of_first).items():
            for status, count in Counter(statuses).items():
                self._metrics.view_read(self._view_of_first[name], FieldStatus.Name(status), count)

    async def _stored(self, entities: Mapping[str, Sequence[Any]]) -> OnlineResponse:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._store.get_online_features_async(
                    features=self._references, entity_rows=entities
                )
        except TimeoutError as error:
            raise FeaturesUnavailableError(
                f"reading features took longer than {self._timeout_seconds} s"
            ) from error
        except (OSError, redis.exceptions.RedisError) as error:
            raise FeaturesUnavailableError(f"features cannot be read: {error}") from error


def _view_of_first(references: Sequence[str]) -> dict[str, str]:
    """View by the name of its first feature."""
    first: dict[str, str] = {}
    for reference in references:
        view, _, feature = reference.partition(":")
        first.setdefault(view, feature)
    return {feature: view for view, feature in first.items()}


def statuses_of(response: OnlineResponse, names: Collection[str]) -> Mapping[str, Sequence[Any]]:
    """Statuses of the features named; a response that can tell them without its protobuf is asked for just them."""
    if hasattr(response, "statuses"):
        told: Mapping[str, Sequence[Any]] = response.statuses(names)
        return told
    vectors = zip(response.proto.metadata.feature_names.val, response.proto.results, strict=True)
    return {name: list(vector.statuses) for name, vector in vectors if name in names}


def _inputs(view: OnDemandFeatureView) -> Iterable[str]:
    sources = view.source_feature_view_projections.values()
    return [*view.get_request_data_schema(), *(f.name for source in sources for f in source.features)]
