"""Charts as SVG text: no library, no script, the same figures give the same bytes.

Colours are CSS variables of the page that shows them (``--ink``, ``--faint``, ``--s0`` to ``--s3``), so that one drawing
fits a light and a dark page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from expectations.site.axes import Axis

_WIDTH, _HEIGHT = 420, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 10, 44
_NAMES = 220
"""Room for the names of bars."""
_LEGEND_COLUMNS, _LEGEND_ROW = 2, 17
_POINTS_MOST = 300
_COLOURS = 4


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        name: In the legend.
        x: Places of its points.
        y: Their values, None where there is none.
        dotted: The points are marked as well.
        dashed: The line is.
        bounds: Lower and upper bound of each value, shaded; without them there is nothing around the line.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    dotted: bool = False
    dashed: bool = False
    bounds: Sequence[tuple[float, float] | None] = ()


@dataclass(frozen=True)
class Band:
    """A part of the x axis that is shaded, and why."""

    name: str
    start: float
    end: float


def line_chart(x: Axis, y: Axis, series: Sequence[Series], bands: Sequence[Band] = ()) -> str:
    """Lines over a grid, below their legend."""
    names = [one.name for one in series] + [band.name for band in bands]
    top = _TOP + _LEGEND_ROW * -(-len(names) // _LEGEND_COLUMNS) + 6
    frame = _Frame(x.scale(_LEFT, _WIDTH - _RIGHT), y.scale(_HEIGHT - _BOTTOM, top), top)
    shades = [
        *(_shade(band, frame) for band in bands),
        *(_bounds(one, i, frame) for i, one in enumerate(series)),
    ]
    lines = (_line(one, i, frame) for i, one in enumerate(series))
    label = f"{y.label} over {x.label}: {', '.join(names)}"
    return _svg(label, _HEIGHT, [*_legend(names, len(series)), *shades, *_grid(x, y, frame), *lines])


def bar_chart(label: str, values: Mapping[str, float]) -> str:
    """A horizontal bar per name, in the order given."""
    height = _TOP + 18 * len(values) + _BOTTOM
    x = Axis(label, min(0.0, *values.values()), max(1e-9, *values.values()))
    across = x.scale(_NAMES, _WIDTH - _RIGHT - 46)
    parts = []
    for i, (name, value) in enumerate(values.items()):
        top, left, right = _TOP + 18 * i, min(across(0), across(value)), max(across(0), across(value))
        parts += [
            f'<text x="{_NAMES - 6}" y="{top + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{left}" y="{top + 2}" width="{max(0.5, round(right - left, 1))}" height="13" fill="var(--s0)"/>',
            f'<text x="{right + 4}" y="{top + 12}">{value:.3g}</text>',
        ]
    parts.append(f'<text x="{_WIDTH / 2}" y="{height - 14}" text-anchor="middle">{escape(label)}</text>')
    return _svg(label, height, parts)


def histogram(name: str, values: Sequence[float], edges: Sequence[float]) -> Series:
    """Share of the values between neighbouring edges, as a line of steps."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return steps(name, counts.tolist(), edges)


def steps(name: str, counts: Sequence[float], edges: Sequence[float]) -> Series:
    """Share of counts between neighbouring edges, as a line of steps; no count at all is a line at 0."""
    shares = np.asarray(counts, dtype=float) / (sum(counts) or 1)
    return Series(name, np.repeat(edges, 2)[1:-1].tolist(), np.repeat(shares, 2).tolist())


@dataclass(frozen=True)
class _Frame:
    """From values to places, and where the grid begins."""

    across: Callable[[float], float]
    up: Callable[[float], float]
    top: float
    bottom: float = _HEIGHT - _BOTTOM
    right: float = _WIDTH - _RIGHT


def _grid(x: Axis, y: Axis, frame: _Frame) -> list[str]:
    upright = [
        f'<path d="M{frame.across(v)} {frame.top}V{frame.bottom}" stroke="var(--faint)"/>'
        f'<text x="{frame.across(v)}" y="{frame.bottom + 17}" text-anchor="middle">{x.mark(v)}</text>'
        for v in x.ticks
    ]
    level = [
        f'<path d="M{_LEFT} {frame.up(v)}H{frame.right}" stroke="var(--faint)"/>'
        f'<text x="{_LEFT - 6}" y="{frame.up(v) + 4}" text-anchor="end">{y.mark(v)}</text>'
        for v in y.ticks
    ]
    middle = (frame.top + frame.bottom) / 2
    labels = [
        f'<text class="soft" x="{(_LEFT + frame.right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x.label)}</text>',
        f'<text class="soft" transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y.label)}</text>',
    ]
    return [*upright, *level, *labels]


def _shade(band: Band, frame: _Frame) -> str:
    left, right = frame.across(band.start), frame.across(band.end)
    return f'<rect x="{left}" y="{frame.top}" width="{round(right - left, 1)}" height="{frame.bottom - frame.top}" fill="var(--shade)"/>'


def _bounds(series: Series, number: int, frame: _Frame) -> str:
    """The area between the bounds of a line."""
    given = [(frame.across(x), bound) for x, bound in zip(series.x, series.bounds, strict=False) if bound]
    if len(given) < 2:
        return ""
    lower = [f"{x},{frame.up(low)}" for x, (low, _) in given]
    upper = [f"{x},{frame.up(high)}" for x, (_, high) in reversed(given)]
    return (
        f'<polygon points="{" ".join([*lower, *upper])}" fill="var(--s{number % _COLOURS})" opacity="0.18"/>'
    )


def _line(series: Series, number: int, frame: _Frame) -> str:
    kept = np.unique(np.linspace(0, len(series.x) - 1, min(len(series.x), _POINTS_MOST)).round().astype(int))
    runs: list[list[tuple[float, float]]] = [[]]
    for i in kept:
        value = series.y[i]
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame.across(series.x[i]), frame.up(value)))
    return "".join(_run(run, series, f"var(--s{number % _COLOURS})") for run in runs if run)


def _run(points: Sequence[tuple[float, float]], series: Series, colour: str) -> str:
    dash = ' stroke-dasharray="5 4"' if series.dashed else ""
    path = " ".join(f"{x},{y}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    if not series.dotted and len(points) > 1:
        return line
    return line + "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in points)


def _legend(names: Sequence[str], lines: int) -> list[str]:
    """Names of lines, then of bands, which have a block of their shade."""
    found = []
    for i, name in enumerate(names):
        left = _LEFT + i % _LEGEND_COLUMNS * (_WIDTH - _LEFT) // _LEGEND_COLUMNS
        base = _TOP + _LEGEND_ROW * (i // _LEGEND_COLUMNS) + 8
        sign = (
            f'y="{base - 6}" width="14" height="4" fill="var(--s{i % _COLOURS})"'
            if i < lines
            else f'y="{base - 9}" width="14" height="11" fill="var(--shade)"'
        )
        found.append(f'<rect x="{left}" {sign}/><text x="{left + 20}" y="{base}">{escape(name)}</text>')
    return found


def _svg(label: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
