"""Small drawings without axes: trends of a few weeks, and calendars of days."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Final

_WIDTH, _HEIGHT = 240, 34
_CELL, _STEP, _ROW = 10, 12, 36
_TONES: Final = {"good": "var(--good)", "look": "var(--look)", "bad": "var(--bad)", "unknown": "var(--faint)"}


def sparkline(values: Sequence[float | None], label: str) -> str:
    """A line of equally spaced values, the newest last; gaps where there is none. ``label`` says what and how long."""
    given = [value for value in values if value is not None]
    if not given:
        return ""
    low, high = min(given), max(given)
    span = high - low or 1.0
    step = (_WIDTH - 8) / max(1, len(values) - 1)
    points = [
        None
        if v is None
        else (round(4 + i * step, 1), round(_HEIGHT - 5 - (v - low) / span * (_HEIGHT - 10), 1))
        for i, v in enumerate(values)
    ]
    last = next(point for point in reversed(points) if point is not None)
    lines = "".join(
        f'<polyline points="{run}" stroke="var(--s0)" stroke-width="1.6"/>' for run in _runs(points)
    )
    spot = f'<circle cx="{last[0]}" cy="{last[1]}" r="2.8" fill="var(--s0)"/>'
    said = f"{label}: from {low:,.4g} to {high:,.4g}, last {given[-1]:,.4g}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(said)}">'
        f"<title>{escape(said)}</title>{lines}{spot}</svg>"
    )


def _runs(points: Sequence[tuple[float, float] | None]) -> list[str]:
    runs: list[list[str]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(f"{point[0]},{point[1]}")
    return [" ".join(run) for run in runs if len(run) > 1]


def calendar(days: Sequence[date], rows: Mapping[str, Mapping[date, tuple[str, str]]], label: str) -> str:
    """A square per day below the name of each row, in the colour of its tone.

    Args:
        days: Columns, in order.
        rows: For a name, the tone of a day (``good``, ``look``, ``bad``) and what is said of it; an absent day is empty.
        label: What is shown, for those who do not see it.
    """
    width, height = _STEP * len(days), 18 + _ROW * len(rows)
    parts = [
        f'<text class="soft" x="{place * _STEP}" y="11">{day.day} {day:%b}</text>'
        for place, day in enumerate(days)
        if place % 7 == 0 and place + 3 < len(days)
    ]
    for number, (name, found) in enumerate(rows.items()):
        top = 18 + number * _ROW
        parts.append(f'<text x="0" y="{top + 13}">{escape(name)}</text>')
        parts += [_square(place, top + 18, name, day, found.get(day)) for place, day in enumerate(days)]
    return (
        f'<svg viewBox="0 0 {width} {height}" style="max-width:{1.2 * width:.0f}px" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _square(place: int, top: float, name: str, day: date, found: tuple[str, str] | None) -> str:
    tone, said = found or ("unknown", "nothing")
    # A failed day differs by shape as well as by colour.
    corner = _CELL / 2 if tone == "bad" else 2
    return (
        f'<rect x="{place * _STEP}" y="{top}" width="{_CELL}" height="{_CELL}" rx="{corner:g}" '
        f'fill="{_TONES[tone]}"><title>{escape(f"{name}, {day}: {said}")}</title></rect>'
    )


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def pair_bars(names: Sequence[str], reference: Sequence[float], current: Sequence[float], label: str) -> str:
    """Two bars per bin, reference and current, as shares of their own; bins have equal widths whatever they hold.

    Args:
        names: Of the bins, in order; the first, the middle and the last are written below, all are told on touch.
        reference: Shares.
        current: Shares.
        label: What is compared, for those who do not see it.
    """
    width, height, floor = 280, 122, 100
    top = max(*reference, *current) or 1.0
    step = (width - 40) / len(names)
    bar = max(1.0, step * 0.42)
    parts = [
        f'<path d="M34 {floor}H{width - 6}" stroke="var(--soft)"/>',
        f'<text class="soft" x="30" y="14" text-anchor="end">{top:.0%}</text>',
        f'<text class="soft" x="30" y="{floor}" text-anchor="end">0</text>',
    ]
    for place, (name, before, now) in enumerate(zip(names, reference, current, strict=True)):
        left = 36 + place * step
        said = escape(f"{name}: training {before:.1%}, served {now:.1%}")
        bars = "".join(
            f'<rect x="{left + shift:.1f}" y="{floor - 92 * share / top:.1f}" width="{bar:.1f}" '
            f'height="{92 * share / top:.1f}" fill="var(--s{colour})"/>'
            for shift, share, colour in ((0.0, before, 2), (bar, now, 0))
        )
        parts.append(f"<g><title>{said}</title>{bars}</g>")
    parts += [
        f'<text class="soft" x="{x:.1f}" y="{floor + 15}" text-anchor="{anchor}">{escape(_short(name))}</text>'
        for x, anchor, name in _below(names, step)
    ]
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _below(names: Sequence[str], step: float) -> list[tuple[float, str, str]]:
    """Names that have room below their bars: all few short ones, else the first and the last."""
    if len(names) * max(map(len, names)) <= 34:
        return [(36 + (place + 0.45) * step, "middle", name) for place, name in enumerate(names)]
    return [(36.0, "start", names[0]), (274.0, "end", names[-1])]
