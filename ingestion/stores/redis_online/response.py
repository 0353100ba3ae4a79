"""Feast's ``OnlineResponse`` over stored cells: protobuf objects are made only for who asks for them. Hot path."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from feast.online_response import TIMESTAMP_POSTFIX, OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp

from ingestion.stores.redis_online import timestamps
from ingestion.stores.redis_online.asked import Asked, Lookup
from ingestion.stores.redis_online.cells import NULLS, Cell, column, proto
from ingestion.stores.redis_online.entity import NULL_VALUE, PRESENT, Entities, Status

_Vector = GetOnlineFeaturesResponse.FeatureVector
_Any = TypeVar("_Any")

_NEVER: Final = Timestamp()


@dataclass(frozen=True)
class ViewRows:
    """What was read of one view.

    Attributes:
        lookup: What it was asked for.
        entities: What is shown of each different entity.
        names: Name of each feature in the response.
    """

    lookup: Lookup
    entities: Entities
    names: Sequence[str]

    @cached_property
    def cells(self) -> list[tuple[Cell, ...]]:
        """[features + 1][entities] cells; the last column holds event timestamps."""
        return list(zip(*self.entities.cells, strict=True))

    @property
    def stored_at(self) -> list[Cell]:
        """[entities] stored event timestamps."""
        return [cells[-1] for cells in self.entities.cells]

    def python(self, feature: int) -> list[Any]:
        """[rows] Python values of a feature."""
        return self.by_row(column(self.cells[feature], self.lookup.plan.value_types[feature]))

    def by_entity(self) -> list[list[Any]]:
        """[rows][features] Python values, for few rows: columns of them would not be worth making."""
        decoders = self.lookup.plan.decoders
        return self.by_row(
            [
                [decode(cell) for decode, cell in zip(decoders, cells, strict=False)]
                for cells in self.entities.cells
            ]
        )

    def unix_seconds(self) -> list[int]:
        """[rows] whole Unix seconds of the event timestamps; 0 where there is no row."""
        return self.by_row(timestamps.decode_all(self.cells[-1]).seconds.tolist())

    def statuses(self, feature: int) -> list[Status]:
        """[rows] status of a feature."""
        pairs = zip(self.cells[feature], self.entities.statuses, strict=True)
        return self.by_row(
            [NULL_VALUE if status == PRESENT and cell in NULLS else status for cell, status in pairs]
        )

    def by_row(self, of_entities: list[_Any]) -> list[_Any]:
        """[rows] of something known for each different entity."""
        rows = self.lookup.rows
        return of_entities if rows is None else [of_entities[place] for place in rows]

    def vectors(self) -> list[_Vector]:
        """Each feature as Feast's protobuf has it."""
        at = [_NEVER if cell is None else Timestamp.FromString(cell) for cell in self.cells[-1]]
        at = self.by_row(at)
        return [
            _Vector(
                values=self.by_row(list(map(proto, cells))),
                statuses=self.statuses(feature),
                event_timestamps=at,
            )
            for feature, cells in enumerate(self.cells[:-1])
        ]


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
            made.results.extend(view.vectors())
        for name, version in self._versions().items() if self._with_versions else ():
            made.metadata.feature_view_metadata.add(name=name, version=version)
        return made

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, Any]:
        """As ``OnlineResponse.to_dict``."""
        made: dict[str, Any] = {}
        for name, values, at in self._columns():
            made[name] = values
            if include_event_timestamps:
                made[name + TIMESTAMP_POSTFIX] = at()
        return made

    def rows_of_views(self) -> dict[str, tuple[list[Status], list[int | None]]]:
        """Per view, by row: Feast's FieldStatus, and Unix microseconds of the stored row, None where there is none."""
        return {
            view.lookup.plan.view.projection.name_to_use(): (
                view.by_row(list(view.entities.statuses)),
                view.by_row(timestamps.unix_microseconds_of(view.stored_at)),
            )
            for view in self._views
        }

    def _columns(self) -> Iterator[tuple[str, list[Any], Callable[[], list[int]]]]:
        for name, values in self._asked.items():
            yield name, list(values.values), partial(list, [0] * len(values.values))
        for view in self._views:
            for feature, name in enumerate(view.names):
                yield name, view.python(feature), view.unix_seconds

    def _versions(self) -> dict[str, int]:
        versions: dict[str, int] = {}
        for rows in self._views:
            view = rows.lookup.plan.view
            name = view.projection.name_alias or view.projection.name
            versions.setdefault(name, getattr(view, "current_version_number", 0) or 0)
        return versions


def _asked_vector(values: list[Value]) -> _Vector:
    count = len(values)
    return _Vector(values=values, statuses=[PRESENT] * count, event_timestamps=[_NEVER] * count)
