"""The values that this process read last, for the time when there is nothing to read. Hot path."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

from serving.features import Status

Kept = tuple[Status, int | None, tuple[Any, ...]]
"""A row of a view: Feast's status, Unix microseconds of its event (None where there is no row), values by feature."""
_Read = tuple[Sequence[Any], Sequence[Status], Sequence[int | None], Sequence[Sequence[Any]]]

_AT_ONCE: Final = 64
"""Rows that are sorted in together: one by one each would cost five times as much."""


class Memory:
    """The newest rows of one view, by entity, in two generations.

    Rows enter the young generation; when it is full the old one is forgotten and the young one takes its place. So the
    latest half of ``most`` is always known and hardly ever more than ``most``, at the price of a dictionary's update: an exact
    order of use would cost ten times that for every row of every view. What was read lately waits to be sorted in, until
    there is enough of it or somebody asks.

    Args:
        most: Most entities kept.
    """

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._enough = max(1, min(_AT_ONCE, self._half // 8))
        self._young: dict[Any, Kept] = {}
        self._old: dict[Any, Kept] = {}
        self._waiting: list[_Read] = []
        self._rows_waiting = 0

    def __len__(self) -> int:
        self._sort_in()
        return len(self._young.keys() | self._old.keys())

    def keep(
        self,
        keys: Sequence[Any],
        statuses: Sequence[Status],
        timestamps_us: Sequence[int | None],
        columns: Sequence[Sequence[Any]],
    ) -> None:
        """Remember rows; they may be a little more than fit for one call. Nobody may change what is handed over.

        Args:
            keys: [rows] of the entities.
            statuses: [rows] Feast's.
            timestamps_us: [rows] Unix microseconds of the event; None where there is no row.
            columns: [features][rows] values.
        """
        self._waiting.append((keys, statuses, timestamps_us, columns))
        self._rows_waiting += len(keys)
        if self._rows_waiting >= self._enough:
            self._sort_in()

    def forget(self, is_theirs: Callable[[Any], bool]) -> None:
        """Remember entities no more whose key is somebody's."""
        self._sort_in()
        self._young = {key: row for key, row in self._young.items() if not is_theirs(key)}
        self._old = {key: row for key, row in self._old.items() if not is_theirs(key)}

    def of(self, key: Any) -> Kept | None:
        """The row of an entity; None where it is not known."""
        self._sort_in()
        return self._young.get(key) or self._old.get(key)

    def _sort_in(self) -> None:
        if not self._waiting:
            return
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        keys, statuses, timestamps_us, columns = zip(*self._waiting, strict=True)
        self._waiting, self._rows_waiting = [], 0
        values = zip(*map(chain.from_iterable, zip(*columns, strict=True)), strict=True)
        rows = zip(chain(*statuses), chain(*timestamps_us), values, strict=True)
        self._young.update(zip(chain(*keys), rows, strict=True))
