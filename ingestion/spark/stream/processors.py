"""Spark's two stateful operators: thin edges around the machines of `machines`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pandas as pd
import polars as pl
from pyspark.sql.streaming import StatefulProcessor

from ingestion.spark.settling import settle
from ingestion.spark.stream.kept import Kept
from ingestion.spark.stream.machines import ARRIVAL_ORDER, UNKNOWN, Repeats, Windows
from ingestion.spark.stream.packing import EVENTS, SHARE, by_share, packed, together
from ingestion.spark.stream.reading import NOW
from ingestion.stream.catalogue import EventTopic
from ingestion.windows.spec import TIMESTAMP

VIEW: Final = "view"
"""Column of the name of a view."""
IMAGE: Final = "image"
"""Column of the state at the start."""
ROWS: Final = "rows"
"""Column of packed rows."""
COUNTED: Final = {VIEW: pl.String(), SHARE: pl.Int64(), EVENTS: pl.Binary(), NOW: pl.Int64()}
"""Columns between the operators."""
PUSHED: Final = {VIEW: pl.String(), ROWS: pl.Binary()}
"""Columns behind both."""


_Frames = Iterator[pd.DataFrame]


class _Operator(StatefulProcessor):
    """Rows of a key come in several frames and are taken as one."""

    def close(self) -> None:
        """Nothing is held open."""

    def handleInitialState(self, key: Any, initialState: pd.DataFrame, timerValues: Any) -> None:  # noqa: N802, N803, ARG002  # named by Spark
        """Begin where the archive ends."""
        for image in initialState[IMAGE]:
            self._kept.begin(bytes(image))

    def handleInputRows(self, key: Any, rows: _Frames, timerValues: Any) -> _Frames:  # noqa: N802, N803, ARG002  # named by Spark
        """What follows from the rows of a key."""
        contents, now_us = list[bytes](), UNKNOWN
        for frame in rows:
            contents += [bytes(content) for content in frame[EVENTS] if content]
            now_us = max(now_us, int(frame[NOW].max()))
        events = together(contents, ARRIVAL_ORDER)
        found = pd.DataFrame(self._take(key, events, now_us), columns=[*self._output])
        return iter([] if found.empty else [found])


class WithoutRepeats(_Operator):
    """By share of event ids: lets through the events that count, for each view by share of its entities.

    Args:
        place: Tells this operator from all others.
        topic: The topic.
        shares: Into how many shares ids and entities are divided.
    """

    _output: Mapping[str, pl.DataType] = COUNTED

    def __init__(self, place: str, topic: EventTopic, shares: int) -> None:
        self._place = place
        self._topic = topic
        self._shares = shares

    def init(self, handle: Any) -> None:
        """Open the state."""
        settle("repeats")
        told = self._topic.contract.event_id, self._topic.dedup_horizon_us
        self._kept = Kept(
            handle, self._place, lambda _: Repeats(*told), lambda _, image: Repeats.of(*told, image)
        )

    def _take(self, key: Any, events: pl.DataFrame | None, now_us: int) -> Iterable[tuple[Any, ...]]:
        if events is not None:
            entry = Repeats.entry(events, self._topic.contract.event_id)
            counted = events.filter(self._kept.take(tuple(key), entry))
            for spec in self._topic.specs:
                columns = list(dict.fromkeys([*spec.columns, *ARRIVAL_ORDER]))
                for share, content in by_share(counted.select(columns), spec.join_keys, self._shares):
                    yield spec.name, share, content, UNKNOWN
        if now_us != UNKNOWN:
            yield from ((spec.name, key[0], b"", now_us) for spec in self._topic.specs)


class KeepWindows(_Operator):
    """By view and share of its entities: rows that change.

    Args:
        place: Tells this operator from all others.
        topic: The topic.
        by_events: Windows move with the newest event of their share; else with what time rows tell.
    """

    _output: Mapping[str, pl.DataType] = PUSHED

    def __init__(self, place: str, topic: EventTopic, *, by_events: bool) -> None:
        self._place = place
        self._specs = {spec.name: spec for spec in topic.specs}
        self._time = topic.contract.timestamp_field
        self._by_events = by_events

    def init(self, handle: Any) -> None:
        """Open the state."""
        settle("windows")
        specs = self._specs
        self._kept = Kept(
            handle,
            self._place,
            lambda key: Windows(specs[key[0]]),
            lambda key, image: Windows.of(specs[key[0]], image),
        )

    def _take(self, key: Any, events: pl.DataFrame | None, now_us: int) -> Iterable[tuple[Any, ...]]:
        if events is not None and self._by_events:
            now_us = int(events[self._time].cast(TIMESTAMP).to_physical().max())  # type: ignore[arg-type]
        rows = self._kept.take(tuple(key), Windows.entry(events, now_us))
        return [(key[0], packed(part)) for part in rows]
