"""What each feature view gave, seen from one answer. Hot path."""

from collections.abc import Iterable, Mapping, Sequence

from serving.answers import ViewUse
from serving.features import RUNGS, Rung, ViewRows

_MICROSECONDS = 1_000_000
_DEPTH = {rung: depth for depth, rung in enumerate(RUNGS)}
_STATUS_DEPTH = {"PRESENT": 0, "OUTSIDE_MAX_AGE": 1, "NOT_FOUND": 2}


def uses_of(views: Mapping[str, ViewRows], time_us: int) -> list[dict[str, ViewUse]]:
    """[rows] what each view gave to a row; ages are from the row's event until ``time_us``."""
    names = list(views)
    by_view = [_uses(rows, time_us) for rows in views.values()]
    return [dict(zip(names, row, strict=True)) for row in zip(*by_view, strict=True)]


def worst_rung(views: Mapping[str, ViewUse]) -> Rung:
    """The lowest rung that any view stands on."""
    return lowest(use.rung for use in views.values())


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
    return [
        ViewUse(status, at, None if at is None else (time_us - at) / _MICROSECONDS, rung)
        for status, at, rung in zip(rows.statuses, rows.timestamps_us, rows.rungs, strict=True)
    ]
