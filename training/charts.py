"""Charts as SVG text: no library, no script, the same figures give the same bytes.

Colours are CSS variables of the page that shows them (``--ink``, ``--faint``, ``--s0`` to ``--s3``), so that one drawing
fits a light and a dark page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 12, 10, 44
_NAMES = 240
"""Room for the names of bars."""
_LEGEND_COLUMNS, _LEGEND_ROW = 2, 17
_POINTS_MOST = 300
_COLOURS = 4


@dataclass(frozen=True)
class Series:
    """A line: its name in the legend and its points; ``dotted`` marks the points as well."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dotted: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """A label and the values at both ends; ``whole`` marks whole numbers only."""

    label: str
    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False

    @property
    def ticks(self) -> list[float]:
        """Round values from end to end."""
        if self.logarithmic:
            low, high = int(np.ceil(np.log10(self.low) - 1e-9)), int(np.floor(np.log10(self.high) + 1e-9))
            return [10.0**power for power in range(low, high + 1)]
        if self.whole:
            return [float(v) for v in range(int(np.ceil(self.low)), int(self.high) + 1)]
        span = self.high - self.low
        step = 10 ** np.floor(np.log10(span / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
        first = np.ceil(self.low / step - 1e-9)
        count = int((self.high - first * step) / step + 1e-9) + 1
        return [round(float((first + i) * step), 12) + 0.0 for i in range(count)]

    def scale(self, start: float, end: float) -> Callable[[float], float]:
        """From a value to a place between ``start`` and ``end``; values beyond the axis are held at its ends."""

        def place(value: float) -> float:
            held = min(max(value, self.low), self.high)
            if self.logarithmic:
                share = np.log(held / self.low) / np.log(self.high / self.low)
            else:
                share = (held - self.low) / (self.high - self.low)
            return round(float(start + share * (end - start)), 1)

        return place


def line_chart(x: Axis, y: Axis, series: Sequence[Series]) -> str:
    """Lines over a grid, below their legend."""
    top = _TOP + _LEGEND_ROW * -(-len(series) // _LEGEND_COLUMNS) + 6
    frame = _Frame(x.scale(_LEFT, _WIDTH - _RIGHT), y.scale(_HEIGHT - _BOTTOM, top), top)
    lines = (_line(one, i, frame) for i, one in enumerate(series))
    return _svg(_HEIGHT, [*_legend([one.name for one in series]), *_grid(x, y, frame), *lines])


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
    return _svg(
        height,
        [*parts, f'<text x="{_WIDTH / 2}" y="{height - 14}" text-anchor="middle">{escape(label)}</text>'],
    )


def histogram(name: str, values: Sequence[float], edges: Sequence[float]) -> Series:
    """Share of the values between neighbouring edges, as a line of steps."""
    counts, bounds = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    shares = counts / max(1, len(values))
    return Series(name, np.repeat(bounds, 2)[1:-1].tolist(), np.repeat(shares, 2).tolist())


@dataclass(frozen=True)
class _Frame:
    """From values to places, and where the grid begins."""

    across: Callable[[float], float]
    up: Callable[[float], float]
    top: float


def _grid(x: Axis, y: Axis, frame: _Frame) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    upright = [
        f'<path d="M{frame.across(v)} {frame.top}V{bottom}" stroke="var(--faint)"/>'
        f'<text x="{frame.across(v)}" y="{bottom + 15}" text-anchor="middle">{_short(v)}</text>'
        for v in x.ticks
    ]
    level = [
        f'<path d="M{_LEFT} {frame.up(v)}H{right}" stroke="var(--faint)"/>'
        f'<text x="{_LEFT - 6}" y="{frame.up(v) + 4}" text-anchor="end">{_short(v)}</text>'
        for v in y.ticks
    ]
    middle = (frame.top + bottom) / 2
    labels = [
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x.label)}</text>',
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y.label)}</text>',
    ]
    return [*upright, *level, *labels]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def _line(series: Series, number: int, frame: _Frame) -> str:
    kept = np.unique(np.linspace(0, len(series.x) - 1, min(len(series.x), _POINTS_MOST)).round().astype(int))
    points = [(frame.across(series.x[i]), frame.up(series.y[i])) for i in kept]
    colour = f"var(--s{number % _COLOURS})"
    dash = ' stroke-dasharray="5 4"' if series.dashed else ""
    path = " ".join(f"{x},{y}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    dots = (f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in points)
    return line + ("".join(dots) if series.dotted else "")


def _legend(names: Sequence[str]) -> list[str]:
    found = []
    for i, name in enumerate(names):
        left = _LEFT + i % _LEGEND_COLUMNS * (_WIDTH - _LEFT) // _LEGEND_COLUMNS
        base = _TOP + _LEGEND_ROW * (i // _LEGEND_COLUMNS) + 8
        found.append(
            f'<rect x="{left}" y="{base - 6}" width="14" height="4" fill="var(--s{i % _COLOURS})"/>'
            f'<text x="{left + 20}" y="{base}">{escape(name)}</text>'
        )
    return found


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(parts)}</svg>'
