"""The days before a day: their figures, and the values that they had. Read from the archive as they are asked for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from expectations.chance import Counted, tolerated
from expectations.days import Partition
from expectations.definitions import EventDefinition
from expectations.norms import (
    Figure,
    clock_figures,
    position_figures,
    quantile_figures,
    silence_figure,
    volume_figures,
)
from expectations.place import scan
from expectations.profile import EMPTY, Profile, profile
from expectations.settings import QualitySettings
from expectations.share_norms import SEEN_DAYS, known_figures, null_figures

_DAY: Final = timedelta(days=1)


class History:
    """All archived days of one event type.

    Args:
        events: The event type.
        days: Its days, in order. The first is taken as begun in the middle: no day is compared with it.
        settings: How far back days are compared.
        now: The present, aware, UTC: a day that is not over is judged up to here.
        referred: For columns that name events of another type, the days of that type and its event id.
    """

    def __init__(
        self,
        events: EventDefinition,
        days: Sequence[Partition],
        settings: QualitySettings,
        now: datetime,
        referred: Mapping[str, Sequence[Partition]],
    ) -> None:
        self._events = events
        self._days = {day.first: day for day in days}
        self._first = min(self._days, default=date.max)
        self._settings = settings
        self._settled = now - timedelta(minutes=settings.settle_minutes)
        self._referred = referred
        self._profiles: dict[date, Profile] = {}
        self._values: dict[date, dict[str, pl.Series]] = {}
        self._seen: dict[date, dict[str, Counted]] = {}

    def figures(self, day: date, frame: pl.DataFrame) -> list[Figure]:
        """Figures of a day and what they may be; without enough days before it, only those that need none."""
        today = self._profiles[day] = profile(frame, self._events)
        before = self._before(day)
        if len(before) < self._settings.history_days_min or not any(d.events for d in before):
            before = []
        compared: list[Callable[[], list[Figure]]] = [
            lambda: volume_figures(today, before, self._minutes(day) // 60, self._settings),
            lambda: [silence_figure(today, before, self._minutes(day), self._settings)],
            lambda: quantile_figures(today, before, self._settings),
            lambda: null_figures(today, before, self._settings),
            lambda: self._known(day, frame),
        ]
        return [
            *(figure for of in compared if before for figure in of()),
            *clock_figures(today, before, self._settings),
            *position_figures(today, before, self._settings),
            *self._repeated(day, frame),
            *self._references(day, frame),
        ]

    def _before(self, day: date) -> list[Profile]:
        """The days before, without the archive's first; a day without a folder is an empty one."""
        reach = min(self._settings.history_days, (day - self._first).days - 1)
        return [self._profile(day - _DAY * back) for back in range(reach, 0, -1)]

    def _profile(self, day: date) -> Profile:
        if day not in self._profiles:
            there = self._days.get(day)
            self._profiles[day] = profile(there.read(), self._events) if there else EMPTY
        return self._profiles[day]

    def _minutes(self, day: date) -> int:
        """Minutes of the day that are over and archived."""
        gone = (self._settled - datetime.combine(day, time(), UTC)) // timedelta(minutes=1)
        return max(0, min(24 * 60, gone))

    def _known(self, day: date, frame: pl.DataFrame) -> list[Figure]:
        """Today's shares beside yesterday's or those of the day before that, whichever are larger."""
        if (day - self._first).days <= SEEN_DAYS + 1:
            return []
        today = self._seen[day] = self._seen_in(day, frame)
        earlier = [self._seen_of(d) for d in (day - _DAY, day - 2 * _DAY) if d in self._days]
        usual = {name: [e[name] for e in earlier if name in e] for name in today}
        rest = {name: seen for name, seen in today.items() if name != self._events.event_id}
        return known_figures(rest, usual, self._settings)

    def _seen_of(self, day: date) -> dict[str, Counted]:
        if day not in self._seen:
            self._seen[day] = self._seen_in(day, self._days[day].read())
        return self._seen[day]

    def _seen_in(self, day: date, frame: pl.DataFrame) -> dict[str, Counted]:
        """For each column of texts that has some, the rows whose value one of the seven days before had."""
        days = [self._values_of(day - _DAY * back) for back in range(1, SEEN_DAYS + 1)]
        found = {}
        for name in self._texts():
            values = frame[name].drop_nulls() if frame.schema.get(name) == pl.String else _NONE
            if len(values):
                known = pl.concat([d[name] for d in days if name in d] or [_NONE])
                found[name] = Counted(int(values.is_in(known.implode()).sum()), len(values))
        return found

    def _values_of(self, day: date) -> dict[str, pl.Series]:
        if day not in self._values:
            self._values = {d: of for d, of in self._values.items() if d >= day - _DAY * (SEEN_DAYS + 2)}
            there = self._days.get(day)
            frame = there.read() if there else pl.DataFrame()
            self._values[day] = {c: frame[c].unique() for c in self._texts() if c in frame.columns}
        return self._values[day]

    def _texts(self) -> list[str]:
        return [column.name for column in self._events.columns if column.kind == "string"]

    def _repeated(self, day: date, frame: pl.DataFrame) -> list[Figure]:
        name = self._events.event_id
        seen = self._seen.get(day, {}).get(name)
        if seen is None:
            return []
        most = tolerated(self._settings.seen_before_share_max, frame.height, self._settings)
        reason = f"an event lies in one day; {name} of the {SEEN_DAYS} days before are not used again"
        return [Figure(f"{name}_seen_before_share", seen.share, maximum=most, reason=reason)]

    def _references(self, day: date, frame: pl.DataFrame) -> list[Figure]:
        most = tolerated(self._settings.unknown_key_share_max, frame.height, self._settings)
        return [
            Figure(
                f"{column}_unknown_share",
                _unknown_share(frame[column], [d for d in days if d.first <= day]),
                maximum=most,
                reason=f"refers to {days[0].event} of the same day or before",
            )
            for column, days in self._referred.items()
            if frame.schema.get(column) == pl.String and days
        ]


_NONE: Final = pl.Series(dtype=pl.String)


def _unknown_share(values: pl.Series, days: Sequence[Partition]) -> float:
    """Share of values that no row of these days has in the column of the same name."""
    files = [file for day in days for file in day.files]
    if not files:
        return 1.0
    there = scan(files).select(values.name)
    known = there.filter(pl.col(values.name).is_in(values.unique().implode())).unique().collect()
    return 1 - float(values.is_in(known[values.name].implode()).mean() or 0)  # type: ignore[arg-type]
