"""What the site is made of: areas of trust, each with a verdict, a page and its problems."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

Tone = Literal["good", "look", "bad", "unknown"]
WORDS: Final[dict[Tone, str]] = {"good": "good", "look": "look", "bad": "failed", "unknown": "not known"}
_WORST_FIRST: Final[tuple[Tone, ...]] = ("bad", "look", "unknown", "good")


@dataclass(frozen=True)
class Problem:
    """Something that a person should do something about.

    Attributes:
        when: When it was found (aware), or the end of what it is about.
        what: In a sentence, with figures.
        why: The diagnosis in plain words.
        action: What to do next.
        tone: ``look`` or ``bad``.
    """

    when: datetime
    what: str
    why: str
    action: str
    tone: Tone


@dataclass(frozen=True)
class Trend:
    """A figure over the days that the site shows, the newest last; None where there is none."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Area:
    """One line of the overview and the page behind it.

    Attributes:
        title: Name in the navigation.
        page: File of the page.
        tone: The verdict.
        number: The figure that stands for the area.
        sentence: What the figure says, in plain words.
        trend: The figure over the last days.
        problems: The newest first.
        body: Parts of the page, HTML.
    """

    title: str
    page: str
    tone: Tone
    number: str
    sentence: str
    trend: Trend | None = None
    problems: Sequence[Problem] = ()
    body: Sequence[str] = field(default=(), repr=False)


def worst(tones: Sequence[Tone]) -> Tone:
    """The tone that decides; nothing is not known."""
    return min(tones, key=_WORST_FIRST.index, default="unknown")


def as_of(tone: Tone, newest: datetime, now: datetime, stale: timedelta) -> tuple[Tone, str]:
    """A good verdict holds for as long as its measurement is new: the tone now, and what has to be added to the sentence."""
    age = now - newest
    if age <= stale:
        return tone, ""
    return (
        "unknown" if tone == "good" else tone
    ), f" Measured {round(age / timedelta(hours=1)):,} hours ago."
