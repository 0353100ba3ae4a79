"""HTML of pages that need nothing but themselves: documents, tables, figures. Values are text unless they are `Markup`."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, Final

STYLE: Final = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
"""The look of every page."""
SCRIPT: Final = files(__package__).joinpath("table.js").read_text(encoding="utf-8")
"""The only script of any page; the page's policy names its hash, so that a browser runs no other."""
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    f"script-src 'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}'"
)


_LONG: Final = 40
"""A cell of more characters is broken into lines."""
_CODE: Final = re.compile("`([^`]+)`")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


@dataclass(frozen=True)
class Shown:
    """A number as it is written, and the value by which a table sorts it."""

    text: str
    value: float


@dataclass(frozen=True)
class Plot:
    """A chart (SVG) with its title and how to read it."""

    title: str
    svg: str
    reading: str


@dataclass(frozen=True)
class Grid:
    """A table: title, column names and rows of cells, the first of which names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def document(title: str, body: Iterable[str], navigation: str = "", footer: str = "") -> str:
    """An HTML document around parts that are HTML already; all but ``title``."""
    parts = "".join(body)
    script = f"<script>{SCRIPT}</script>" if 'class="sortable"' in parts else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head>"
        f"<body>{navigation}<main>{parts}</main>{footer}{script}</body></html>\n"
    )


def blocks(grids: Sequence[Grid], plots: Sequence[Plot]) -> list[str]:
    """Tables under their titles, then plots."""
    tables = [f"<h2>{escape(grid.title)}</h2>{table(grid)}" for grid in grids]
    return [*tables, f"<h2>Plots</h2>{gallery(plots)}"] if plots else tables


def gallery(plots: Iterable[Plot]) -> str:
    """Plots beside one another as the width allows."""
    return f'<div class="plots">{"".join(map(figure, plots))}</div>'


def figure(plot: Plot) -> str:
    """A plot with its title and reading."""
    return (
        f"<figure><strong>{escape(plot.title)}</strong>{plot.svg}"
        f"<figcaption>{escape(plot.reading)}</figcaption></figure>"
    )


def table(grid: Grid, *, sortable: bool = False) -> str:
    """A table that scrolls in itself where it is too wide; columns of numbers are aligned at the right."""
    numeric = [_numeric(column) for column in zip(*grid.rows, strict=True)] or [False] * len(grid.columns)
    head = "".join(
        f'<th scope="col"{_class("number" if right else "")}>{escape(name)}</th>'
        for name, right in zip(grid.columns, numeric, strict=True)
    )
    body = "".join(_row(row, numeric) for row in grid.rows)
    kind = ' class="sortable"' if sortable else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(grid.title)}"><table{kind}>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pill(tone: str, word: str) -> Markup:
    """A word in the colour and with the sign of its tone: ``good``, ``look``, ``bad`` or ``unknown``."""
    return Markup(f'<span class="pill {tone}">{escape(word)}</span>')


def link(target: str, text: str) -> Markup:
    """A link to a page of the site or to a file beside it."""
    return Markup(f'<a href="{escape(target)}">{escape(text)}</a>')


def meter(share: float, tone: str = "") -> Markup:
    """A bar that is filled to a share in [0, 1]; the number must stand beside it."""
    filled = 100 * min(1.0, max(0.0, share))
    return Markup(
        f'<span class="meter {tone}" aria-hidden="true"><span style="width:{filled:.1f}%"></span></span>'
    )


def paragraph(text: str, tone: str = "") -> Markup:
    """A paragraph; ``tone`` is its class."""
    kind = f' class="{tone}"' if tone else ""
    return Markup(f"<p{kind}>{prose(text)}</p>")


def prose(text: str) -> Markup:
    """A sentence as text; what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", escape(text)))


def breakable(html: str) -> Markup:
    """A name that may be broken behind its underscores; what is between angle brackets stays as it is."""
    return Markup(re.sub(r"_(?![^<]*>)", "_<wbr>", html))


def _row(cells: Sequence[Any], numeric: Sequence[bool]) -> str:
    first, *rest = zip(cells, numeric, strict=True)
    rests = "".join(f"<td{_attributes(cell, right)}>{_text(cell)}</td>" for cell, right in rest)
    return f'<tr><th scope="row"{_attributes(*first)}>{breakable(_text(first[0]))}</th>{rests}</tr>'


def _attributes(cell: Any, right: bool) -> str:
    value = cell.value if isinstance(cell, Shown) else cell
    known = isinstance(value, int | float) and not isinstance(value, bool)
    long = isinstance(cell, str) and not isinstance(cell, Markup) and len(cell) > _LONG
    return _class("number" if right else "long" if long else "") + (f' data-value="{value}"' if known else "")


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _numeric(cells: Sequence[Any]) -> bool:
    given = [cell for cell in cells if cell is not None and cell != ""]
    return bool(given) and all(isinstance(c, int | float | Shown) and not isinstance(c, bool) for c in given)


def _text(value: Any) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, Shown):
        return escape(value.text)
    if value is None:
        return "-"
    return escape(
        f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
    )
