"""Reading for ``get_online_features``: which entities, and their values into Feast's response. Hot path."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value

from ingestion.stores.redis_online.entity import Entity, read_entity
from ingestion.stores.redis_online.plan import ReadPlan

_Vector = GetOnlineFeaturesResponse.FeatureVector


@dataclass(frozen=True)
class ViewRequest:
    """The entities one view is asked for.

    Attributes:
        plan: How the view is read.
        keys: Redis key of each different entity.
        rows: For each row of the request its place in ``keys``.
    """

    plan: ReadPlan
    keys: Sequence[bytes]
    rows: Sequence[int]


def view_request(plan: ReadPlan, join_key_values: Mapping[str, Sequence[Value]]) -> ViewRequest:
    """Keys of all rows of a request, each different entity once.

    Raises:
        KeyError: if the request lacks a join key of the view.
    """
    if missing := [name for name in plan.request_columns if not join_key_values.get(name)]:
        raise KeyError(
            f"Missing join key values for keys: {missing} of feature view {plan.view.name!r}. "
            f"Provided join_key_values: {list(join_key_values)}"
        )
    places: dict[bytes, int] = {}
    columns = [join_key_values[name] for name in plan.request_columns]
    rows = [places.setdefault(plan.key_of_protos(row), len(places)) for row in zip(*columns, strict=True)]
    return ViewRequest(plan, list(places), rows)


def commands(requests: Iterable[ViewRequest]) -> tuple[list[bytes], list[bytes]]:
    """Keys and packed commands of all views, in order."""
    keys = [key for request in requests for key in request.keys]
    return keys, [request.plan.command(key) for request in requests for key in request.keys]


def fill(
    response: GetOnlineFeaturesResponse,
    requests: Iterable[ViewRequest],
    replies: Sequence[Sequence[bytes | None]],
    *,
    now_seconds: float,
    full_feature_names: bool,
    with_versions: bool,
) -> None:
    """Append every view's features to the response; ``replies`` are those of ``commands``."""
    start = 0
    for request in requests:
        stop = start + len(request.keys)
        entities = [read_entity(request.plan, stored, now_seconds) for stored in replies[start:stop]]
        _append(response, request, entities, full_feature_names)
        if with_versions:
            _append_version(response, request.plan.view)
        start = stop


def _append(
    response: GetOnlineFeaturesResponse,
    request: ViewRequest,
    entities: Sequence[Entity],
    full_feature_names: bool,
) -> None:
    plan = request.plan
    lead = f"{plan.view.projection.name_to_use()}__" if full_feature_names else ""
    response.metadata.feature_names.val.extend([lead + feature for feature in plan.features])
    rows = [entities[place] for place in request.rows]
    timestamps = [row.timestamp for row in rows]
    for i in range(len(plan.features)):
        response.results.append(
            _Vector(
                values=[row.values[i] for row in rows],
                statuses=[row.statuses[i] for row in rows],
                event_timestamps=timestamps,
            )
        )


def _append_version(response: GetOnlineFeaturesResponse, view: Any) -> None:
    name = view.projection.name_alias or view.projection.name
    if all(known.name != name for known in response.metadata.feature_view_metadata):
        version = getattr(view, "current_version_number", 0) or 0
        response.metadata.feature_view_metadata.add(name=name, version=version)
