"""The report of a training run: one HTML file that needs nothing else, for a person who decides about the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from artefact import Card
from training.verdict import Verdict

_STYLE = """
:root { --paper: #fff; --ink: #1c2430; --soft: #5b6675; --faint: #e3e7ec; --good: #11734b; --bad: #b3261e;
  --s0: #1f6fb2; --s1: #d1671d; --s2: #7a869a; --s3: #7b4bb3; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --ink: #e6eaf0; --soft: #98a3b3; --faint: #2c3440;
  --good: #5fce9b; --bad: #ff8a80; --s0: #6db3f2; --s1: #f2a366; --s2: #9aa6b8; --s3: #bd97ec; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 24px; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 17px; margin: 34px 0 8px; }
p { max-width: 78ch; } .soft, figcaption, th { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
.verdict { border-left: 5px solid currentColor; padding: 2px 0 2px 12px; font-size: 18px; font-weight: 600; }
.wide { overflow-x: auto; } table { border-collapse: collapse; } th { font-weight: 500; text-align: left; }
td, th { padding: 4px 16px 4px 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(430px, 100%), 1fr)); gap: 22px 26px; }
figure { margin: 0; } figcaption { font-size: 13px; } svg { width: 100%; height: auto; font-size: 11.5px; fill: var(--ink); }
svg polyline { fill: none; }
"""


@dataclass(frozen=True)
class Plot:
    """A chart (SVG) with its title and how to read it."""

    title: str
    svg: str
    reading: str


@dataclass(frozen=True)
class Grid:
    """A table: title, column names and rows of cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def report_page(card: Card, verdict: Verdict, grids: Sequence[Grid], plots: Sequence[Plot]) -> str:
    """The whole page."""
    window = f"{card.data_window.start:%Y-%m-%d %H:%M} to {card.data_window.end:%Y-%m-%d %H:%M} UTC"
    revision = card.git_revision or "unknown revision"
    tone = "good" if not verdict.failed else "bad"
    body = [
        f"<h1>{escape(card.model)} {escape(card.version)}</h1>",
        f'<p class="soft">{escape(card.metrics["chosen"])}, trained on {window}, seed {card.seed}, code {escape(revision)}</p>',
        f'<p class="verdict {tone}">{escape(verdict.summary)}</p>',
        "<h2>Checks</h2>",
        _table(("check", "", "figures"), ((c.name, _mark(c.holds), c.detail) for c in verdict.checks)),
        *blocks(grids, plots),
        f"<h2>Protocol</h2><p>{escape(card.metrics['protocol'])}</p>",
    ]
    return document(f"{card.model} {card.version}", body)


def blocks(grids: Sequence[Grid], plots: Sequence[Plot]) -> list[str]:
    """Tables under their titles, then plots."""
    tables = [f"<h2>{escape(grid.title)}</h2>{_table(grid.columns, grid.rows)}" for grid in grids]
    return [*tables, f'<h2>Plots</h2><div class="plots">{"".join(map(_figure, plots))}</div>']


def document(title: str, body: Iterable[str]) -> str:
    """An HTML document around parts that are HTML already."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def interval(figures: Mapping[str, float]) -> str:
    """A mean with its bounds."""
    return f"{figures['mean']:.3f} ({figures['low']:.3f} .. {figures['high']:.3f})"


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _mark(holds: bool) -> _Markup:
    return _Markup(f'<span class="{"good" if holds else "bad"}">{"held" if holds else "failed"}</span>')


def _table(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(value: Any) -> str:
    if isinstance(value, _Markup):
        return value
    return escape(f"{value:,.4g}" if isinstance(value, float) else str(value))


def _figure(plot: Plot) -> str:
    return (
        f"<figure><strong>{escape(plot.title)}</strong>{plot.svg}"
        f"<figcaption>{escape(plot.reading)}</figcaption></figure>"
    )
