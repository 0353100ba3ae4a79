"""What stands in for the online store when it does not answer: remembered values, else typical ones. Hot path.

Each view of each row stands on a rung of its own: a customer who was here before is remembered, the product beside them
may be typical.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from serving.features import FeatureReader, Features, Row, Rung, Status, ViewRows
from serving.freshness import Freshness
from serving.guard import Guard
from serving.memory import Kept, Memory
from serving.plan import StoredView

UNREAD: Status = "INVALID"
"""Feast's status of what was not read."""


class Ladder:
    """Reads what is stored, and steps down where that cannot be read.

    Args:
        stored: Reads the online store within a deadline.
        guard: Shared by all reads of the store.
        views: What is read.
        typical: Values of the training rows by feature; null for the others.
        memory: What is remembered of a view.
        freshness: Is told how new the rows are.
    """

    def __init__(
        self,
        stored: FeatureReader,
        guard: Guard,
        views: Sequence[StoredView],
        typical: Mapping[str, Any],
        memory: Callable[[StoredView], Memory],
        freshness: Freshness,
    ) -> None:
        self._stored = stored
        self._guard = guard
        self._freshness = freshness
        self._views: list[tuple[StoredView, Memory, Kept]] = [
            (
                view,
                memory(view),
                (UNREAD, None, tuple(typical.get(feature) for feature in view.features)),
            )
            for view in views
        ]

    @property
    def views(self) -> list[StoredView]:
        """What is read."""
        return [view for view, _, _ in self._views]

    async def read(self, rows: Sequence[Row]) -> Features:
        """See `serving.features.FeatureReader`; never raises for a store that is away or slow."""
        found = await self._guard.read(self._stored, rows)
        if found is None:
            return self._without_store(rows)
        self._remember(rows, found)
        self._freshness.saw(chain.from_iterable(view.timestamps_us for view in found.views.values()))
        return found

    def forget(self, join_key: str, entity: str) -> None:
        """Do not remember an entity any more, nor anything that it is part of."""
        for view, memory, _ in self._views:
            if view.keys == (join_key,):
                memory.forget(entity.__eq__)
            elif join_key in view.keys:
                at = itemgetter(view.keys.index(join_key))
                memory.forget(lambda key, at=at: at(key) == entity)  # type: ignore[misc]  # bound now, not later

    def _remember(self, rows: Sequence[Row], found: Features) -> None:
        entities = _Entities(rows)
        for view, memory, _ in self._views:
            if not view.keys:
                continue  # an on-demand view that Feast computes: it belongs to a request, not to an entity
            told = found.views[view.name]
            values = [found.columns[feature] for feature in view.features]
            memory.keep(entities.of(view), told.statuses, told.timestamps_us, values)

    def _without_store(self, rows: Sequence[Row]) -> Features:
        entities = _Entities(rows)
        columns: dict[str, Sequence[Any]] = {}
        views: dict[str, ViewRows] = {}
        for view, memory, typical in self._views:
            known = [memory.of(entity) for entity in entities.of(view)]
            rungs: list[Rung] = ["remembered" if row else "typical" for row in known]
            shown = zip(*(row or typical for row in known), strict=True)
            statuses, timestamps, values = map(list, shown)
            columns.update(zip(view.features, map(list, zip(*values, strict=True)), strict=True))
            views[view.name] = ViewRows(statuses, timestamps, rungs)
        return Features(columns, views)


class _Entities:
    """Keys of some rows; views of one entity share them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._known: dict[tuple[str, ...], list[Any]] = {}

    def of(self, view: StoredView) -> list[Any]:
        """[rows] a text where the view has one join key, else a tuple."""
        if view.keys not in self._known:
            columns = [[row[key] for row in self._rows] for key in view.keys]
            self._known[view.keys] = columns[0] if len(columns) == 1 else self._tuples(columns)
        return self._known[view.keys]

    def _tuples(self, columns: list[list[Any]]) -> list[Any]:
        return list(zip(*columns, strict=True)) if columns else [()] * len(self._rows)
