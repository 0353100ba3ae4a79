"""The values that this process read last, for the time when there is nothing to read. Hot path."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """A row of a view as it was read.

    Attributes:
        status: Feast's name.
        timestamp_us: Unix microseconds of the stored row; None where there is none.
        values: In the order of the view's features.
    """

    status: str
    timestamp_us: int | None
    values: tuple[Any, ...]


class Memory:
    """The newest rows of one view, by entity; the entity that was read longest ago is forgotten first.

    Args:
        most: Most entities kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, keys: Sequence[tuple[Any, ...]], rows: Sequence[Kept]) -> None:
        """Remember rows, one per key."""
        kept = self._rows
        for key, row in zip(keys, rows, strict=True):
            kept[key] = row
            kept.move_to_end(key)
        while len(kept) > self._most:
            kept.popitem(last=False)

    def of(self, key: tuple[Any, ...]) -> Kept | None:
        """The row of an entity; None where it is not known."""
        return self._rows.get(key)
