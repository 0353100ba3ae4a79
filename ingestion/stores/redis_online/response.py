"""Feast's ``OnlineResponse`` over stored cells: protobuf objects are made only for who asks for them. Hot path."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final

from feast.online_response import TIMESTAMP_POSTFIX, OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp

from ingestion.stores.redis_online.asked import Asked
from ingestion.stores.redis_online.cells import proto
from ingestion.stores.redis_online.entity import PRESENT, Status
from ingestion.stores.redis_online.views import ViewRows, python_columns

_Vector = GetOnlineFeaturesResponse.FeatureVector

_NEVER: Final = Timestamp()


class CellsResponse(OnlineResponse):
    """An ``OnlineResponse`` whose ``proto`` is made when it is first asked for.

    Args:
        asked: Columns of the request that the response repeats: join keys, request data.
        views: What was read.
        feature_types: Types by name, as ``OnlineResponse`` takes them.
        with_versions: Whether versions of the views are told in the protobuf.
    """

    def __init__(
        self,
        asked: Mapping[str, Asked],
        views: Sequence[ViewRows],
        feature_types: dict[str, ValueType],
        with_versions: bool,
    ) -> None:
        self._asked = asked
        self._views = views
        self._feature_types = feature_types
        self._with_versions = with_versions

    @cached_property
    def proto(self) -> GetOnlineFeaturesResponse:
        """The response as Feast's protobuf."""
        made = GetOnlineFeaturesResponse()
        for name, values in self._asked.items():
            made.metadata.feature_names.val.append(name)
            made.results.append(_asked_vector(values.protos()))
        for view in self._views:
            made.metadata.feature_names.val.extend(view.names)
            made.results.extend(_vectors(view))
        for name, version in self._versions().items() if self._with_versions else ():
            made.metadata.feature_view_metadata.add(name=name, version=version)
        return made

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, Any]:
        """As ``OnlineResponse.to_dict``."""
        made: dict[str, Any] = {name: list(values.values) for name, values in self._asked.items()}
        names = chain.from_iterable(view.names for view in self._views)
        made.update(zip(names, python_columns(self._views), strict=True))
        return self._with_timestamps(made) if include_event_timestamps else made

    def rows_of_views(self) -> dict[str, tuple[list[Status], list[int | None]]]:
        """Per view, by row: Feast's FieldStatus, and Unix microseconds of the stored row, None where there is none."""
        return {
            view.plan.view.projection.name_to_use(): (view.view_statuses(), view.unix_microseconds())
            for view in self._views
        }

    def _with_timestamps(self, columns: Mapping[str, list[Any]]) -> dict[str, Any]:
        """Each column, and behind it the Unix seconds of its rows; 0 for what was asked with."""
        at = {name: view.unix_seconds for view in self._views for name in view.names}
        made: dict[str, Any] = {}
        for name, values in columns.items():
            made[name] = values
            made[name + TIMESTAMP_POSTFIX] = at[name]() if name in at else [0] * len(values)
        return made

    def _versions(self) -> dict[str, int]:
        versions: dict[str, int] = {}
        for rows in self._views:
            view = rows.plan.view
            name = view.projection.name_alias or view.projection.name
            versions.setdefault(name, getattr(view, "current_version_number", 0) or 0)
        return versions


def _asked_vector(values: list[Value]) -> _Vector:
    count = len(values)
    return _Vector(values=values, statuses=[PRESENT] * count, event_timestamps=[_NEVER] * count)


def _vectors(view: ViewRows) -> list[_Vector]:
    """Each feature as Feast's protobuf has it."""
    stored_at = view.entities.stored_at
    at = view.by_row([_NEVER if cell is None else Timestamp.FromString(cell) for cell in stored_at])
    return [
        _Vector(
            values=view.by_row(list(map(proto, cells))),
            statuses=view.statuses(feature),
            event_timestamps=at,
        )
        for feature, cells in enumerate(view.entities.cells)
    ]
