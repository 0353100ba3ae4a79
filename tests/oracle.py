"""The truth about windowed features, as two loops over events. Slow, and short enough to be seen to be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isclose, sqrt
from typing import Any

from ingestion.windows.spec import ViewSpec, WindowedFeature


@dataclass(frozen=True)
class Event:
    """An event in arrival order; times in microseconds."""

    key: tuple[str, ...]
    time: int
    arrival: int
    event_id: str
    values: dict[str, Any]


def first_arrivals(events: Sequence[Event], horizon_us: int) -> list[Event]:
    """Events without repeats: an id that arrived at most the horizon ago does not count."""
    last: dict[str, int] = {}
    kept = []
    for event in sorted(events, key=lambda e: e.arrival):
        if event.event_id not in last or event.arrival - last[event.event_id] > horizon_us:
            kept.append(event)
        last[event.event_id] = event.arrival
    return kept


def value(
    feature: WindowedFeature, events: Sequence[Event], key: tuple[str, ...], t: int, *, as_known: bool = True
) -> Any:
    """Value of a feature of one entity at an instant; `events` in arrival order, without repeats."""
    start = (t // feature.hop_us + 1) * feature.hop_us - feature.window_us
    seen = [
        e
        for e in events
        if e.key == key
        and start <= e.time < t
        and (e.arrival <= t or not as_known)
        and e.values[feature.column] is not None
    ]
    in_order = sorted(seen, key=lambda e: (e.time, e.arrival))
    return _aggregate(feature.function, [e.values[feature.column] for e in in_order])


def _aggregate(function: str, values: list[Any]) -> Any:
    if function in ("count", "count_distinct"):
        return len(values) if function == "count" else len(set(values))
    if function == "sum":
        return float(sum(map(Fraction, values)))
    if not values:
        return None
    if function == "last":
        return values[-1]
    if function in ("min", "max"):
        return min(values) if function == "min" else max(values)
    return _mean_or_std(function, [Fraction(v) for v in values])


def _mean_or_std(function: str, values: list[Fraction]) -> float | None:
    mean = sum(values) / len(values)
    if function == "mean":
        return float(mean)
    if len(values) < 2:
        return None
    return sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def row(
    spec: ViewSpec, events: Sequence[Event], key: tuple[str, ...], t: int, *, as_known: bool = True
) -> dict[str, Any]:
    """All features of one entity at an instant; `events` may hold repeats, in any order."""
    kept = first_arrivals(events, spec.dedup_horizon_us)
    return {f.name: value(f, kept, key, t, as_known=as_known) for f in spec.features}


def equal(function: str, ours: Any, truth: Any) -> bool:
    """Equality of values: exact, but 1e-9 relative for sum, mean and std."""
    if ours is None or truth is None:
        return ours is truth
    if function in ("sum", "mean", "std"):
        return isclose(ours, truth, rel_tol=1e-9, abs_tol=1e-12)
    return bool(ours == truth)


def differences(spec: ViewSpec, ours: dict[str, Any], truth: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The features that differ: name -> (ours, truth)."""
    return {
        f.name: (ours[f.name], truth[f.name])
        for f in spec.features
        if not equal(f.function, ours[f.name], truth[f.name])
    }
