"""What a windowed feature can be, given what its column can be and which function is applied.

Only what follows from the definition is stated; nothing here is a guess about the shop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from expectations.definitions import Column, Kind, WindowedFeature

RELATIVE_TOLERANCE: Final = 1e-9
"""Sums and means of the same events may differ by rounding; DESIGN section 2 calls this equal."""

_NEVER_NULL: Final = frozenset({"count", "count_distinct", "sum"})
_GROWS_WITH_WINDOW: Final = frozenset({"count", "count_distinct", "max"})


@dataclass(frozen=True)
class Ordering:
    """`larger` >= `smaller` in every row in which neither is null."""

    larger: str
    smaller: str
    exact: bool
    reason: str


def feature_column(feature: WindowedFeature) -> Column:
    """What the values of a windowed feature may be."""
    source, said = feature.source, f"{feature.function} of {feature.source.name} over {feature.window}"
    nullable = feature.function not in _NEVER_NULL
    empty = Column(name=feature.name, kind="integer", nullable=nullable, reason=said)
    match feature.function:
        case "count" | "count_distinct":
            return replace(empty, minimum=0)
        case "std":
            return replace(empty, kind="number", minimum=0)
        case "sum":
            return replace(empty, kind=_number(source), minimum=0 if source.never_negative else None)
        case "mean":
            return replace(
                empty,
                kind="number",
                minimum=_rounded(source.minimum, -1),
                maximum=_rounded(source.maximum, +1),
            )
        case "min" | "max":
            kept = replace(source, choices=None, pattern=None)
            return replace(kept, name=feature.name, kind=_number(source), nullable=True, reason=said)
        case _:
            return replace(source, name=feature.name, nullable=True, reason=said)


def orderings(features: tuple[WindowedFeature, ...]) -> Iterator[Ordering]:
    """Every pair of features of one view whose order follows from their definitions."""
    for a, b in product(features, features):
        if a is b:
            continue
        if _covers(a, b) and a.source.name == b.source.name and a.function == b.function:
            yield from _by_window(a, b)
        if a.window == b.window and a.hop == b.hop:
            yield from _by_function(a, b)


def _by_window(large: WindowedFeature, small: WindowedFeature) -> Iterator[Ordering]:
    """Two windows of one function and column, of which `large` holds every event of `small`."""
    reason = f"a window of {large.window} holds every event of the last {small.window}"
    function = large.function
    if function in _GROWS_WITH_WINDOW:
        yield Ordering(large.name, small.name, exact=True, reason=reason)
    if function == "sum" and large.source.never_negative:
        yield Ordering(large.name, small.name, exact=large.source.kind != "number", reason=reason)
    if function == "min":
        yield Ordering(small.name, large.name, exact=True, reason=reason)


def _by_function(a: WindowedFeature, b: WindowedFeature) -> Iterator[Ordering]:
    reason = f"{a.function} and {b.function} of the same events"
    if a.counts_events and b.function == "count_distinct":
        yield Ordering(a.name, b.name, exact=True, reason=reason)
    if a.source.name != b.source.name:
        return
    ordered = [("min", "mean"), ("mean", "max"), ("min", "max")]
    if (b.function, a.function) in ordered:
        exact = "mean" not in (a.function, b.function)
        yield Ordering(a.name, b.name, exact=exact, reason=reason)


def _covers(large: WindowedFeature, small: WindowedFeature) -> bool:
    """Whether the larger window is never shorter than the smaller one: its tail moves in hops."""
    return large.window - large.hop >= small.window


def adjacent(found: list[Ordering]) -> list[Ordering]:
    """Without the orderings that follow from two others: a >= b and b >= c say a >= c."""
    held = {(o.larger, o.smaller) for o in found}
    names = {name for pair in held for name in pair}
    return [o for o in found if not any({(o.larger, m), (m, o.smaller)} <= held for m in names)]


def _number(source: Column) -> Kind | None:
    return "integer" if source.kind == "boolean" else source.kind


def _rounded(bound: float | None, direction: int) -> float | None:
    return None if bound is None else bound + direction * abs(bound) * RELATIVE_TOLERANCE
