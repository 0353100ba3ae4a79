"""What each feature view gave, seen from one answer. Hot path."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from serving.answers import ViewUse
from serving.features import RUNGS, Rung, ViewRows

_MICROSECONDS = 1_000_000
_DEPTH = {rung: depth for depth, rung in enumerate(RUNGS)}
_STATUS_DEPTH = {"PRESENT": 0, "OUTSIDE_MAX_AGE": 1, "NOT_FOUND": 2}


@dataclass(slots=True)
class Used:
    """What some rows were made of.

    Attributes:
        views: [rows] what each view gave, by its name.
        rungs: [rows] the lowest rung that any view of a row stands on.
    """

    views: Sequence[Mapping[str, ViewUse]]
    rungs: Sequence[Rung]

    @classmethod
    def of(cls, views: Mapping[str, ViewRows], rows: int, time_us: int) -> Self:
        """Of so many rows; ages are from a row's event until ``time_us``."""
        names = list(views)
        by_view = [_uses(view, time_us) for view in views.values()]
        lower = [view.rungs for view in views.values() if not {*view.rungs} <= {"live"}]
        return cls(
            [dict(zip(names, row, strict=True)) for row in zip(*by_view, strict=True)],
            [lowest(row) for row in zip(*lower, strict=True)] if lower else ["live"] * rows,
        )

    def picked(self, places: Sequence[int]) -> "Used":
        """Some of the rows; all of them are not copied."""
        if len(places) == len(self.rungs):
            return self
        return Used([self.views[place] for place in places], [self.rungs[place] for place in places])


def rungs_of(views: Mapping[str, ViewRows]) -> set[Rung]:
    """All rungs that rows of views stand on."""
    return {rung for rows in views.values() for rung in rows.rungs}


def lowest(rungs: Iterable[Rung]) -> Rung:
    """The worst of some rungs; ``live`` where there is none."""
    different = set(rungs)
    return max(different, key=_DEPTH.__getitem__) if different else "live"


def together(rows: Sequence[Mapping[str, ViewUse]]) -> dict[str, ViewUse]:
    """Per view the worst of several rows: by rung, then by status, then by age."""
    return {view: max((row[view] for row in rows), key=_badness) for view in (rows[0] if rows else ())}


def _badness(use: ViewUse) -> tuple[int, int, float]:
    return _DEPTH[use.rung], _STATUS_DEPTH.get(use.status, len(_STATUS_DEPTH)), use.age_seconds or 0.0


def _uses(rows: ViewRows, time_us: int) -> list[ViewUse]:
    ages = [None if at is None else (time_us - at) / _MICROSECONDS for at in rows.timestamps_us]
    return list(map(ViewUse, rows.statuses, rows.timestamps_us, ages, rows.rungs))
