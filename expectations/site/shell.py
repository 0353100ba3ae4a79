"""The frame of every page of the site: navigation, heading, when it was built."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from expectations.site.area import WORDS, Area, Problem
from expectations.site.markup import document, paragraph, pill, prose

OVERVIEW: Final = "index.html"
_PROBLEMS_SHOWN: Final = 30


@dataclass(frozen=True)
class Shell:
    """Puts bodies into pages.

    Attributes:
        pages: File and title of each page of the site, in the order of the navigation.
        built: The present, aware, UTC.
    """

    pages: Sequence[tuple[str, str]]
    built: datetime

    def page(self, current: str, title: str, body: Iterable[str]) -> str:
        """A whole page."""
        links = "".join(
            f'<a href="{escape(file)}"{" aria-current=page" if file == current else ""}>{escape(name)}</a>'
            for file, name in self.pages
        )
        navigation = f'<header><nav aria-label="Pages">{links}</nav></header>'
        footer = f"<footer>Built {self.built:%F %T} UTC. All times are UTC.</footer>"
        return document(title, [f"<h1>{escape(title)}</h1>", *body], navigation, footer)

    def area(self, area: Area) -> str:
        """The page of an area: its verdict, its problems, its body."""
        verdict = f"{area.number}: {area.sentence}"
        parts = [paragraph(verdict, f"verdict {area.tone}"), *problem_list(area.problems), *area.body]
        return self.page(area.page, area.title, parts)


def problem_list(problems: Sequence[Problem], sources: Sequence[Area] = ()) -> list[str]:
    """Problems with diagnosis and next step; ``sources`` names the area of each, where they are mixed."""
    if not problems:
        return []
    found = {id(problem): area for area in sources for problem in area.problems}
    items = "".join(_item(problem, found.get(id(problem))) for problem in problems[:_PROBLEMS_SHOWN])
    more = len(problems) - _PROBLEMS_SHOWN
    rest = [paragraph(f"{more:,} older ones are not listed.", "soft")] if more > 0 else []
    return ["<h2>What to look at, the newest first</h2>", f'<ul class="problems">{items}</ul>', *rest]


def _item(problem: Problem, source: Area | None) -> str:
    origin = f'<a href="{escape(source.page)}">{escape(source.title)}</a>, ' if source else ""
    word = pill(problem.tone, WORDS[problem.tone])
    return (
        f'<li class="{problem.tone}"><p>{word} <strong>{prose(problem.what)}</strong></p>'
        f"<p>{prose(problem.why)}</p><p>Next: {prose(problem.action)}</p>"
        f'<p class="soft">{origin}{problem.when:%F %H:%M} UTC</p></li>'
    )
