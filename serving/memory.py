"""The values that this process read last, for the time when there is nothing to read. Hot path."""

from collections.abc import Iterable
from typing import Any

Kept = tuple[str, int | None, tuple[Any, ...]]
"""A row of a view: Feast's status, Unix microseconds of its event (None where there is no row), values by feature."""


class Memory:
    """The newest rows of one view, by entity, in two generations.

    Rows enter the young generation; when it is full the old one is forgotten and the young one takes its place. So the
    latest half of ``most`` is always known and never more than ``most``, at the price of a dictionary's update: an exact
    order of use would cost ten times that for every row of every view.

    Args:
        most: Most entities kept.
    """

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[Any, Kept] = {}
        self._old: dict[Any, Kept] = {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def keep(self, rows: Iterable[tuple[Any, Kept]]) -> None:
        """Remember rows by key; they may be a little more than fit for one call."""
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young.update(rows)

    def of(self, key: Any) -> Kept | None:
        """The row of an entity; None where it is not known."""
        return self._young.get(key) or self._old.get(key)
