"""The lowest rung: what is said of a row of which nothing was read and nothing is remembered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serving.answers import Arm, Score, ViewUse
from serving.features import Rung

FRAUD = "fraud"


def judged(
    arm: Arm, rung: Rung, used: Mapping[str, ViewUse], features: Mapping[str, Any], said: dict[str, Score]
) -> tuple[Rung, dict[str, Score]]:
    """The rung of a row whose worst view stands on ``rung``, and its scores.

    Where nothing is known, the rules of the fraud card replace the model's probability if they did better on the
    held-out orders, or if the card has no typical values; products to recommend stay in the order of their popularity.
    """
    if rung != "typical" or any(use.rung != "typical" for use in used.values()):
        return rung, said
    if FRAUD not in said:
        return "rules", said
    card = arm.fraud.card
    if card.rules is None or not (card.rules.preferred or not card.statistics):
        return rung, said
    return "rules", said | {FRAUD: replace(said[FRAUD], probability=card.rules.probability(features))}
