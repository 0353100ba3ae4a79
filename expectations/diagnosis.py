"""What an alarm means: which of three things happened, and therefore who has to do what."""

from dataclasses import dataclass
from enum import StrEnum


class Diagnosis(StrEnum):
    """Why something differs from what it was in training.

    Attributes:
        WORLD: The events themselves changed: computed again from the archive it differs, too. Train again, or ask who
            sends the events.
        PIPELINE: What was stored or served is not what the events say. A program or a definition is wrong.
        FRESHNESS: Right values, too late, or from a rung below the online store. Something is slow or away.
    """

    WORLD = "world"
    PIPELINE = "pipeline"
    FRESHNESS = "freshness"


@dataclass(frozen=True)
class Alarm:
    """Something is beyond its threshold.

    Attributes:
        measures: What is: ``distribution``, ``missing``, ``new_categories``, ``rate``, ``ranking``, ``calibration``.
        diagnosis: What happened.
        why: A sentence that says how that is known, with figures.
    """

    measures: tuple[str, ...]
    diagnosis: Diagnosis
    why: str
