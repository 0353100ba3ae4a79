"""Which of three things an alarm is.

The predictions are computed again from the archive. If that is as far from training as what was served, the events
changed: the world. If it is not, what was served is not what the events say. Either it would have been right earlier, or
came from a rung below the online store: freshness was lost; or nothing explains it: the pipeline is skewed.
"""

from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift.comparing import compare_one
from expectations.drift.evidence import Evidence
from expectations.drift.measures import cohens_h
from expectations.drift.record import SCORE, Compared
from expectations.drift.reference import Reference

_HALF = 0.5
_MORE_THAN_ROUNDING = 0.001
"""Share of scores that differ when they are computed again, from which another model or encoding is at work."""


def diagnosed(
    compared: Compared,
    measures: tuple[str, ...],
    reference: Reference,
    evidence: Evidence,
) -> Alarm:
    """The alarm of a subject.

    Args:
        compared: As it was served.
        measures: What of it is beyond its threshold; at least one.
        reference: What it was in training.
        evidence: The same predictions, computed again.
    """
    if compared.subject == SCORE and evidence.rescored > _MORE_THAN_ROUNDING:
        return Alarm(
            measures,
            Diagnosis.PIPELINE,
            f"the model says something else of {evidence.rescored:.0%} of the same features: another one, or another encoding, "
            "answered under its name",
        )
    again = compare_one(reference, evidence.again, compared.subject)
    if all(_remains(measure, compared, again) for measure in measures):
        return Alarm(measures, Diagnosis.WORLD, _world(again, measures))
    return _of_standings(compared, measures, again, evidence)


def _remains(measure: str, compared: Compared, again: Compared) -> bool:
    """Whether at least half of the distance to training is there in history, too."""
    found = [_distance(measure, one) for one in (compared, again)]
    return found[1] >= _HALF * found[0]


def _distance(measure: str, compared: Compared) -> float:
    if measure == "distribution":
        return compared.psi or 0.0
    if measure == "missing":
        return abs(cohens_h(compared.missing_reference, compared.missing))
    return compared.new_categories


def _world(again: Compared, measures: tuple[str, ...]) -> str:
    return f"computed again from the archive it differs from training, too: {_figures(again, measures)}"


def _of_standings(
    compared: Compared, measures: tuple[str, ...], again: Compared, evidence: Evidence
) -> Alarm:
    late, different = _standings(compared, evidence)
    degraded = evidence.degraded.get(compared.view or "", max(evidence.degraded.values(), default=0.0))
    as_in_training = f"computed again from the archive it is closer to training ({_figures(again, measures)})"
    if max(late, degraded) > different:
        reason = (
            f"{degraded:.0%} of the predictions had values from a rung below the online store"
            if degraded > late
            else f"{late:.0%} of the served values were right, but for an earlier instant"
        )
        return Alarm(measures, Diagnosis.FRESHNESS, f"{as_in_training}; {reason}")
    reason = f"{different:.0%} of the served values are others, and no delay explains them"
    return Alarm(measures, Diagnosis.PIPELINE, f"{as_in_training}; {reason}")


def _standings(compared: Compared, evidence: Evidence) -> tuple[float, float]:
    """Shares of values that are late and that nothing explains; of the score, those of its worst input."""
    ours = (
        list(evidence.parity.values())
        if compared.subject == SCORE
        else [evidence.parity[compared.subject]]
        if compared.subject in evidence.parity
        else []
    )
    judged = [one for one in ours if one.compared]
    late = max(((one.lagging + one.stale) / one.compared for one in judged), default=0.0)
    return late, max((one.different / one.compared for one in judged), default=0.0)


def _figures(again: Compared, measures: tuple[str, ...]) -> str:
    said = {
        "distribution": f"PSI {again.psi or 0:.2f}",
        "missing": f"{again.missing:.1%} nulls",
        "new_categories": f"{again.new_categories:.1%} unknown",
    }
    return ", ".join(said[measure] for measure in measures)
