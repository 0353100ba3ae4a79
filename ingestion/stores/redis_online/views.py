"""What was read of each view of a request: replies by key taken apart into columns by view. Hot path."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from feast.value_type import ValueType

from ingestion.stores.redis_online import cells, timestamps
from ingestion.stores.redis_online.asked import Lookup
from ingestion.stores.redis_online.cells import NULLS, Cell
from ingestion.stores.redis_online.entity import NULL_VALUE, PRESENT, Entities, Status, show
from ingestion.stores.redis_online.plan import ReadPlan

_Any = TypeVar("_Any")


@dataclass(slots=True)
class ViewRows:
    """What was read of one view; nobody changes it.

    Attributes:
        plan: How it was read.
        rows: For each row of the request its place among the entities; None: each row has its own, in order.
        entities: What is shown of each different entity.
        names: Name of each feature in the response.
    """

    plan: ReadPlan
    rows: list[int] | None
    entities: Entities
    names: Sequence[str]

    def unix_microseconds(self) -> list[int | None]:
        """[rows] Unix microseconds of the event timestamps, cut; None where there is no row."""
        return self.by_row(list(self.entities.microseconds))

    def unix_seconds(self) -> list[int]:
        """[rows] whole Unix seconds of the event timestamps; 0 where there is no row."""
        return self.by_row([(at or 0) // 1_000_000 for at in self.entities.microseconds])

    def view_statuses(self) -> list[Status]:
        """[rows] status of the view's row."""
        return self.by_row(list(self.entities.statuses))

    def statuses(self, feature: int) -> list[Status]:
        """[rows] status of a feature."""
        pairs = zip(self.entities.cells[feature], self.entities.statuses, strict=True)
        return self.by_row(
            [NULL_VALUE if status == PRESENT and cell in NULLS else status for cell, status in pairs]
        )

    def by_row(self, of_entities: list[_Any]) -> list[_Any]:
        """[rows] of something known for each different entity."""
        rows = self.rows
        return of_entities if rows is None else [of_entities[place] for place in rows]


def view_rows(
    lookups: Sequence[Lookup],
    replies: Sequence[Sequence[Cell]],
    names: Sequence[Sequence[str]],
    now_seconds: float,
) -> list[ViewRows]:
    """Replies to the commands of all lookups, by view.

    Args:
        lookups: What was asked for.
        replies: [commands] the cells of an entity.
        names: Names of each view's features in the response.
        now_seconds: Unix seconds against which TTLs are held.
    """
    read: list[tuple[Lookup, list[Sequence[Cell]]]] = []
    start = 0
    for one in lookups:
        stop = start + len(one.keys)
        read.append((one, _columns(one, replies[start:stop])))
        start = stop
    stamps = [columns[cells.stop - 1] for one, columns in read for cells in one.plan.cells]
    instants = iter(timestamps.unix_microseconds_of_all(stamps))
    made: dict[int, ViewRows] = {}
    for one, columns in read:
        for place, plan, part in zip(one.plan.places, one.plan.views, one.plan.cells, strict=True):
            *stored, stored_at = columns[part]
            entities = show(plan, stored, stored_at, next(instants), now_seconds)
            made[place] = ViewRows(plan, one.rows, entities, names[place])
    return [made[place] for place in range(len(made))]


def python_columns(views: Sequence[ViewRows]) -> list[list[Any]]:
    """[features of all views, in order][rows] Python values."""
    if all(len(view.entities.statuses) < cells.MANY for view in views):
        return [
            view.by_row(list(map(decode, column)))
            for view in views
            for decode, column in zip(view.plan.decoders, view.entities.cells, strict=True)
        ]
    columns = list(chain.from_iterable(view.entities.cells for view in views))
    types: list[ValueType] = list(chain.from_iterable(view.plan.value_types for view in views))
    rows_of = chain.from_iterable([view.by_row] * len(view.names) for view in views)
    return [by_row(values) for by_row, values in zip(rows_of, cells.columns(columns, types), strict=True)]


def _columns(one: Lookup, replies: Sequence[Sequence[Cell]]) -> list[Sequence[Cell]]:
    """[cells][entities] of the replies."""
    if not replies:
        return [()] * one.plan.cells[-1].stop
    return list(zip(*replies, strict=True))
