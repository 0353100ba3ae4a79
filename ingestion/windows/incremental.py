"""The incremental executor: windowed features of a stream of events, each pushed when it changes.

Between two boundaries only new events change a value; at a boundary a tile can leave. So an entity has a clock:
the instant just after its newest event or the last boundary at which one of its windows lost a tile, whichever is
later (after a late event: the last boundary of all). Its row is exact at its clock and stays so until the clock
moves; a clock never moves back. A calendar lists, for every tile, the
boundaries at which it leaves each window: each is visited once, so the work is bounded by the events.
"""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.channels import Channel, Dictionary, Encoder
from ingestion.windows.image import Image, ImageError, as_array, as_value, nest, part, take
from ingestion.windows.interning import Interner
from ingestion.windows.layout import Layout
from ingestion.windows.spec import TIMESTAMP, ViewSpec
from ingestion.windows.state import State

INSTANT = "event_timestamp"
Ints = NDArray[np.int64]
_FORMAT = 1
"""Of the images: another number for another layout of rows, tiles or entries."""
_FEW = 100_000
"""A dictionary with fewer values is not looked through."""


@dataclass(frozen=True)
class UpdateCounts:
    """What became of the events of an update: aggregated, or older than every window."""

    applied: int
    expired: int


class IncrementalExecutor:
    """State of one view: feed it events without repeats in arrival order, and boundaries by `advance`."""

    def __init__(self, spec: ViewSpec) -> None:
        self._spec = spec
        self._now_us: int | None = None
        self._inside: _Inside | None = None

    @property
    def keys(self) -> int:
        """Number of entities with something in a window."""
        return len(self._inside.entities) if self._inside else 0

    @property
    def waiting(self) -> int:
        """Number of entities whose row waits for `take_waiting`."""
        return self._inside.state.waiting if self._inside else 0

    @property
    def nbytes(self) -> int:
        """Memory held, keys and dictionaries included."""
        return self._inside.nbytes if self._inside else 0

    def update(self, events: pl.DataFrame) -> UpdateCounts:
        """Take in events: the columns `spec.columns`, without repeats, in arrival order; rows without a key are skipped.

        The entity of an event that is older than every window changes, too: its row may have been written while the event
        still counted, by a worker that ended before it could keep the event.
        """
        return self._take(events, live=True)

    def fold(self, events: pl.DataFrame) -> UpdateCounts:
        """As `update`, for much of an archive at once: the totals are made at the end, and the rows of the entities wait."""
        return self._take(events, live=False)

    def _take(self, events: pl.DataFrame, *, live: bool) -> UpdateCounts:
        if events.is_empty():
            return UpdateCounts(0, 0)
        if self._inside is None:
            self._inside = _Inside(self._spec, dict(events.schema))
            if self._now_us is not None:
                self._inside.state.advance(self._now_us)
        slots = self._inside.entities.intern([events[key] for key in self._spec.join_keys])
        times = _micros(events, self._spec.timestamp_column)
        arrival = self._spec.arrival_column
        arrivals = _micros(events, arrival) if arrival else times
        x = self._inside.encoder.encode(events)
        expired = self._inside.state.take(slots, times, arrivals, x, live=live)
        self._inside.forget_values()
        return UpdateCounts(int(np.count_nonzero(slots >= 0)) - expired, expired)

    def advance(self, now_us: int) -> None:
        """Pass all boundaries up to and including `now_us`; an earlier instant than the last one does nothing."""
        self._now_us = now_us if self._now_us is None else max(self._now_us, now_us)
        if self._inside is not None:
            self._inside.state.advance(now_us)

    def take_changed(self) -> pl.DataFrame:
        """Rows that events changed since the last call: join keys, `event_timestamp` (the entity's clock) and features."""
        return self._taken(self._inside.state.take_changed()) if self._inside else self._no_rows

    def take_waiting(self, most: int) -> pl.DataFrame:
        """Up to `most` rows that only a boundary changed, as they are now, in the form of `take_changed`."""
        return self._taken(self._inside.state.take_waiting(most)) if self._inside else self._no_rows

    def await_all(self) -> None:
        """Let the row of every entity wait: who has the rows may have lost some."""
        if self._inside:
            self._inside.state.let_wait(self._inside.entities.numbers())

    def rows(self) -> pl.DataFrame:
        """The row of every entity, in the form of `take_changed`."""
        return self._inside.rows(self._inside.entities.numbers())[0] if self._inside else self._no_rows

    def image(self) -> Image:
        """The raw state; see `image` for how long it is valid."""
        head = {"format": _FORMAT, "definition": self._spec.definition_hash(), "now": self._now_us}
        return {"head": as_array(head)} | (self._inside.image() if self._inside else {})

    @classmethod
    def from_image(cls, spec: ViewSpec, image: Image) -> Self:
        """An executor that goes on where the one with this image was; it takes over the arrays.

        Raises:
            ImageError: the image was made by another format or definition, or is damaged.
        """
        head = as_value(take(image, "head", np.uint8))
        if head.get("format") != _FORMAT:
            raise ImageError(f"the image has format {head.get('format')}, this program reads {_FORMAT}")
        if head["definition"] != spec.definition_hash():
            raise ImageError(f"the image was made by another definition of view {spec.name!r}")
        made = cls(spec)
        made._now_us = head["now"]
        if len(image) > 1:
            made._inside = _Inside.from_image(spec, image)
        return made

    def _taken(self, slots: Ints) -> pl.DataFrame:
        assert self._inside is not None  # noqa: S101  # the callers have looked
        if not len(slots):
            return self._no_rows
        rows, is_empty = self._inside.rows(slots)
        if is_empty.any():
            self._inside.forget(slots[is_empty])
        return rows

    @cached_property
    def _no_rows(self) -> pl.DataFrame:
        keys = dict.fromkeys(self._spec.join_keys, pl.String())
        return pl.DataFrame(schema={**keys, INSTANT: TIMESTAMP, **self._spec.schema})


class _Inside:
    """What there is once the types of the events are known."""

    def __init__(self, spec: ViewSpec, types: dict[str, pl.DataType]) -> None:
        self.spec = spec
        self.types = {column: types[column] for column in spec.columns if column in types}
        self.encoder = Encoder(spec, self.types)
        self.entities = Interner([types[key] for key in spec.join_keys])
        self.state = State(Layout(spec, self.encoder))
        self._remembered: dict[str, int] = {}

    @property
    def nbytes(self) -> int:
        dictionaries = sum(dictionary.nbytes for dictionary in self.encoder.dictionaries.values())
        return self.entities.nbytes + self.state.nbytes + dictionaries

    def rows(self, slots: Ints) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
        """Rows of entities, and which of them have nothing in any window."""
        found = self.state.evaluate(slots)
        keys = self.entities.columns_of(slots)
        columns = [key.alias(name) for key, name in zip(keys, self.spec.join_keys, strict=True)]
        columns.append(pl.Series(INSTANT, found.clocks).cast(TIMESTAMP))
        columns += [
            self.encoder.decode(feature, values)
            for feature, values in zip(self.spec.features, found.values, strict=True)
        ]
        return pl.DataFrame(columns), found.is_empty

    def forget(self, slots: Ints) -> None:
        self.state.forget(slots)
        self.entities.remove(slots)

    def forget_values(self) -> None:
        """Let dictionaries that have doubled forget what no window refers to any more."""
        for column, dictionary in self.encoder.dictionaries.items():
            if len(dictionary) > 2 * self._remembered.get(column, _FEW):
                channel = self.encoder.channels.index(Channel(column, "code"))
                dictionary.forget(self.state.values_of(channel))
                self._remembered[column] = max(_FEW, len(dictionary))

    def image(self) -> Image:
        """The raw state."""
        schema = io.BytesIO()
        pl.DataFrame(schema=self.types).write_ipc(schema)
        dictionaries = [
            nest(column, dictionary.image()) for column, dictionary in self.encoder.dictionaries.items()
        ]
        return {
            "types": np.frombuffer(schema.getvalue(), dtype=np.uint8),
            "remembered": as_array(self._remembered),
            **nest("entities", self.entities.image()),
            **nest("state", self.state.image()),
            **{name: array for image in dictionaries for name, array in nest("values", image).items()},
        }

    @classmethod
    def from_image(cls, spec: ViewSpec, image: Image) -> Self:
        """What had the image; raises ImageError."""
        types = pl.read_ipc(io.BytesIO(take(image, "types", np.uint8).tobytes())).schema
        inside = cls(spec, dict(types))
        inside.entities = Interner.from_image([types[key] for key in spec.join_keys], part(image, "entities"))
        for column in {c.column for c in inside.encoder.channels if c.form == "code"}:
            values = part(part(image, "values"), column)
            if values:
                inside.encoder.dictionaries[column] = Dictionary.from_image(types[column], values)
        inside.state = State.from_image(Layout(spec, inside.encoder), part(image, "state"))
        inside._remembered = as_value(take(image, "remembered", np.uint8))
        return inside


def _micros(events: pl.DataFrame, column: str) -> Ints:
    """Instants as a writable array: the compiled loops know one kind of array only."""
    times = events[column]
    return np.array((times if times.dtype == TIMESTAMP else times.cast(TIMESTAMP)).to_numpy().view(np.int64))
