"""Alarms in plain words: what happened, how bad that is, what to do next."""

from collections.abc import Mapping
from typing import Final

from expectations.diagnosis import Alarm, Diagnosis
from expectations.site.area import Tone

LOOKED_BACK: Final = 7
"""Days whose alarms are told."""
_WHY: Final = {
    Diagnosis.WORLD: "The world changed.",
    Diagnosis.PIPELINE: "The pipeline is skewed.",
    Diagnosis.FRESHNESS: "Freshness was lost.",
}
NEXT: Final = {
    Diagnosis.WORLD: "train again on newer days, or ask who sends the events whether something was changed",
    Diagnosis.PIPELINE: "find the feature on the parity page; compare its definition with what is deployed, materialize again",
    Diagnosis.FRESHNESS: "see the freshness page; look at the stream workers and at Redis",
}
TONES: Final[Mapping[Diagnosis, Tone]] = {
    Diagnosis.WORLD: "look",
    Diagnosis.PIPELINE: "bad",
    Diagnosis.FRESHNESS: "bad",
}


def measured(alarm: Alarm) -> str:
    """What is beyond its threshold."""
    return " and ".join(measure.replace("_", " ") for measure in alarm.measures)


def reason(alarm: Alarm) -> str:
    """The diagnosis, and how it is known."""
    return told(alarm.diagnosis, alarm.why)


def told(diagnosis: Diagnosis, why: str) -> str:
    """The same of anything."""
    return f"{_WHY[diagnosis]} {sentence(why)}"


def sentence(text: str) -> str:
    """With a capital letter at the begin and a full stop at the end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
