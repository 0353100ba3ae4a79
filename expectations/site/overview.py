"""The first page: can what is served today be trusted?"""

from collections.abc import Sequence
from html import escape

from expectations.site.area import WORDS, Area, Tone, worst
from expectations.site.glyphs import sparkline
from expectations.site.markup import paragraph, pill, prose
from expectations.site.shell import problem_list


def verdict(areas: Sequence[Area]) -> tuple[Tone, str]:
    """The answer, and the areas that it hangs on."""
    by_tone = {tone: [area.title.lower() for area in areas if area.tone == tone] for tone in WORDS}
    tone = worst([area.tone for area in areas])
    answer = {
        "bad": f"No, not all that is served can be trusted. Failed: {_listed(by_tone['bad'])}.",
        "look": f"With care: {_listed(by_tone['look'])} should be looked at.",
        "unknown": f"Not known for {_listed(by_tone['unknown'])}; all else is good.",
        "good": "Yes: every area is good.",
    }[tone]
    if tone == "unknown" and not by_tone["good"]:
        answer = "Not known: nothing has been measured lately."
    elif tone in ("bad", "look") and by_tone["unknown"]:
        answer += f" Not known: {_listed(by_tone['unknown'])}."
    return tone, answer


def overview(areas: Sequence[Area]) -> list[str]:
    """Its body."""
    tone, answer = verdict(areas)
    problems = sorted(
        (problem for area in areas for problem in area.problems),
        key=lambda problem: (problem.when, problem.tone == "bad"),
        reverse=True,
    )
    return [
        "<h2>Can what is served today be trusted?</h2>",
        paragraph(answer, f"verdict {tone}"),
        f'<ul class="areas">{"".join(map(_card, areas))}</ul>',
        *(problem_list(problems, areas) or [paragraph("Nothing asks to be looked at.", "soft")]),
    ]


def _card(area: Area) -> str:
    trend = sparkline(area.trend.values, area.trend.label) if area.trend else ""
    caption = f'<p class="soft">{escape(area.trend.label)}</p>' if area.trend and trend else ""
    return (
        f'<li class="{area.tone}"><h2><a href="{escape(area.page)}">{escape(area.title)}</a>'
        f"{pill(area.tone, WORDS[area.tone])}</h2>"
        f'<p class="number">{escape(area.number)}</p><p>{prose(area.sentence)}</p>{trend}{caption}</li>'
    )


def _listed(titles: Sequence[str]) -> str:
    return " and ".join([", ".join(titles[:-1]), titles[-1]]) if len(titles) > 1 else "".join(titles)
