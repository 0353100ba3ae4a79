from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artefact import Rules
from serving.answers import Score, ViewUse
from serving.features import Rung
from serving.models import Model
from serving.rules import judged
from serving.uses import lowest
from tests.small_models import small_card
from tests.unit.serving.fakes import champion

Models = tuple[Model, Model]
LIMITS = {"amount_to_user_mean": 5.0, "orders": 2.0}
SCORE = Score("fraud@v1", 0.4, [1.0], "champion", shadow=False)


def _rules(*, preferred: bool) -> Rules:
    return Rules(limits=LIMITS, within=0.01, beyond=0.6, preferred=preferred)


def _used(*rungs: Rung) -> dict[str, ViewUse]:
    return {f"view{i}": ViewUse("PRESENT", None, None, rung) for i, rung in enumerate(rungs)}


@pytest.mark.parametrize(
    ("features", "probability"),
    [
        ({"amount_to_user_mean": 5.0, "orders": 0}, 0.6),
        ({"amount_to_user_mean": 4.9, "orders": 2}, 0.6),
        ({"amount_to_user_mean": 4.9, "orders": 1}, 0.01),
        ({"amount_to_user_mean": None}, 0.01),
    ],
)
def test_a_limit_reached_is_suspicious_and_a_null_is_not(
    features: dict[str, Any], probability: float
) -> None:
    """The probability is the share of frauds on that side in training."""
    assert _rules(preferred=True).probability(features) == probability


@pytest.mark.parametrize(
    ("rungs", "preferred", "statistics", "rung", "probability"),
    [
        (["live", "live"], True, {}, "live", 0.4),
        (["typical", "remembered"], True, {}, "typical", 0.4),
        (["typical", "typical"], True, {"a": {"mean": 1}}, "rules", 0.6),
        (["typical", "typical"], False, {"a": {"mean": 1}}, "typical", 0.4),
        (["typical", "typical"], False, {}, "rules", 0.6),
    ],
)
def test_rules_decide_where_nothing_is_known_and_they_do_better(
    models: Models,
    rungs: list[Rung],
    preferred: bool,
    statistics: dict[str, Any],
    rung: Rung,
    probability: float,
) -> None:
    """Better on held-out orders, or without typical values for the model."""
    card = small_card(
        "fraud", models[0].card.inputs, rules=_rules(preferred=preferred), statistics=statistics
    )
    arm = replace(champion(models), fraud=replace(models[0], card=card))
    found, scores = judged(arm, lowest(rungs), _used(*rungs), {"orders": 9}, {"fraud": SCORE})
    assert (found, scores["fraud"].probability) == (rung, probability)


def test_recommendations_of_which_nothing_is_known_follow_the_rule_of_popularity(models: Models) -> None:
    """Their scores stay: all are alike."""
    said = {"recommendation": SCORE}
    assert judged(champion(models), "typical", _used("typical"), {}, said) == ("rules", said)


def test_a_card_without_rules_is_answered_by_the_model(models: Models, tmp_path: Path) -> None:
    """On typical values, or on nulls."""
    assert judged(champion(models), "typical", _used("typical"), {}, {"fraud": SCORE}) == (
        "typical",
        {"fraud": SCORE},
    )
