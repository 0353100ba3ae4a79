"""The arms of the experiments that run. Hot path."""

from collections.abc import Sequence
from itertools import product

from artefact.experiments import CHALLENGER, CHAMPION
from serving.answers import Arm, Served
from serving.arms.assignment import is_challenged
from serving.arms.cast import FRAUD, RECOMMENDATION, Cast, Running
from serving.arms.figures import ArmFigures
from serving.arms.shadows import Shadow, Shadows
from serving.models import Model


class ChosenArms:
    """Chooses by the customer's id. Experiments with different models cross: each combination is an arm.

    Args:
        cast: Models and their parts.
        shadows: Where shadows score.
        figures: Where predictions of arms are counted.
    """

    def __init__(self, cast: Cast, shadows: Shadows, figures: ArmFigures) -> None:
        compared = [one for one in cast.running if one.challenger]
        self._shares = [(one.experiment.salt, one.experiment.share or 0.0) for one in compared]
        self._arms = {
            parts: _arm(cast, compared, parts) for parts in product((False, True), repeat=len(compared))
        }
        self._own = frozenset(self._arms.values())
        self._figures = figures
        self._shadows = shadows
        self._beside = [
            Shadow(one.experiment.name, model, cast.candidates.get(model.version))
            for one in cast.running
            for model in one.shadows
        ]

    def choose(self, user_id: str) -> Arm:
        """See Arms."""
        return self._arms[tuple(is_challenged(salt, share, user_id) for salt, share in self._shares)]

    def every(self) -> Sequence[Arm]:
        """See Arms."""
        return tuple(self._arms.values())

    def decided(self, arm: Arm, served: Served) -> None:
        """See Arms. What an arm decided that was replaced meanwhile is counted; shadows might lack features of it."""
        self._figures.decided(arm)
        for shadow in self._beside if arm in self._own else ():
            if shadow.model.card.model in served.scores:
                self._shadows.offer(shadow, served)


def _arm(cast: Cast, compared: Sequence[Running], parts: Sequence[bool]) -> Arm:
    """The arm of a combination; its name is ``<experiment>:<arm>``, joined by commas."""
    models: dict[str, Model] = dict(cast.champions)
    names = []
    for one, challenged in zip(compared, parts, strict=True):
        names.append(f"{one.experiment.name}:{CHALLENGER if challenged else CHAMPION}")
        if challenged and one.challenger:
            models[one.experiment.model] = one.challenger
    recommendation = models[RECOMMENDATION]
    return Arm(
        name=",".join(names) or CHAMPION,
        experiment=",".join(one.experiment.name for one in compared) or None,
        fraud=models[FRAUD],
        recommendation=recommendation,
        candidates=cast.candidates[recommendation.version],
        shadows=tuple(model for one in cast.running for model in one.shadows),
    )
