"""Lists of decisions: one under the other, so that a phone shows them whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from expectations.site.area import Tone
from expectations.site.markup import paragraph, pill

_SHOWN: Final = 20


@dataclass(frozen=True)
class Item:
    """Something that was decided, or waits to be.

    Attributes:
        tone: Of its word.
        word: What became of it.
        name: Of what.
        when: Aware.
        said: In sentences.
        more: Detail below it.
    """

    tone: Tone
    word: str
    name: str
    when: datetime
    said: str
    more: str = ""


def item_list(title: str, items: Sequence[Item], none: str) -> list[str]:
    """The newest items under a title, the others folded; ``none`` says that there are none."""
    ordered = sorted(items, key=lambda item: item.when, reverse=True)
    if not ordered:
        return [f"<h2>{escape(title)}</h2>", paragraph(none, "soft")]
    parts = [f"<h2>{escape(title)} ({len(ordered):,})</h2>", _list(ordered[:_SHOWN])]
    if rest := ordered[_SHOWN:]:
        parts.append(f"<details><summary>{len(rest):,} older</summary>{_list(rest)}</details>")
    return parts


def _list(items: Sequence[Item]) -> str:
    return f'<ul class="problems">{"".join(map(_item, items))}</ul>'


def _item(item: Item) -> str:
    more = f"<p>{escape(item.more)}</p>" if item.more else ""
    return (
        f'<li class="{item.tone}"><p>{pill(item.tone, item.word)} <strong>{escape(item.name)}</strong></p>'
        f"<p>{escape(item.said)}</p>{more}"
        f'<p class="soft">{item.when.astimezone(UTC):%F %H:%M} UTC</p></li>'
    )
