"""How well orders are judged when the online store cannot be read: features are taken away as the API would.

Remembered: stored features are as they were known some time before the order, on-demand features are computed from those
and from what the order says now. Typical: nothing is known of the test orders but what they say themselves; stored
features take their typical values, and the model scores that; or the rules decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from artefact import InputFeature, RowEncoder, Rules, typical_values
from training.convert import Converted
from training.fraud_orders import ASKED
from training.history import read_features
from training.inputs import matrix, statistics
from training.metrics import Floats, fraud_figures
from training.rules import rule_scores
from training.settings import TrainingSettings

Columns = Mapping[str, Sequence[Any]]
AGES: Final = {"remembered_10m": timedelta(minutes=10), "remembered_1h": timedelta(hours=1)}
"""How old remembered values are that are judged; the API tells the age of those it uses."""


@dataclass(frozen=True)
class FraudRungs:
    """What the lower rungs are worth.

    Attributes:
        figures: By rung those of the test orders.
        rules: For the card.
    """

    figures: dict[str, dict[str, float]]
    rules: Rules


def fraud_rungs(
    store: Any,
    inputs: tuple[InputFeature, ...],
    converted: Converted,
    fitted_on: pl.DataFrame,
    test: pl.DataFrame,
    scores: Floats,
    settings: TrainingSettings,
) -> FraudRungs:
    """Figures of the test orders on each rung.

    Args:
        store: A ``feast.FeatureStore``.
        inputs: What the model reads.
        converted: The model as it is served.
        fitted_on: Rows with features, ``is_fraud`` and ``weight``, whose statistics say what is typical.
        test: Rows with ``training.fraud_orders.ASKED`` and ``is_fraud``.
        scores: The model's probabilities [N] of the test rows with all features.
        settings: The service, the limits of the rules.
    """
    typical = typical_values(inputs, statistics(inputs, fitted_on))
    columns = without_store(store, settings.fraud_service, typical, test)
    rules = _rules(fitted_on, settings)
    found = {
        "live": scores,
        **{
            name: converted.scores(matrix(inputs, aged))
            for name, aged in remembered(store, settings.fraud_service, test.select(ASKED), AGES).items()
        },
        "typical": converted.scores(RowEncoder(inputs)(columns)),
        "rules": _probabilities(rules, columns),
    }
    figures = {name: fraud_figures(test, values) for name, values in found.items()}
    better = figures["rules"]["average_precision"] > figures["typical"]["average_precision"]
    return FraudRungs(figures, rules.model_copy(update={"preferred": better}))


def remembered(
    store: Any, service_name: str, rows: pl.DataFrame, ages: Mapping[str, timedelta]
) -> dict[str, pl.DataFrame]:
    """By the name of an age, ``rows`` with the features of a service as they were known so long before each row."""
    time = pl.col("event_timestamp")
    # One read for all ages: what it opens and sorts of the archive is the same for them.
    read = read_features(
        store, service_name, pl.concat([rows.with_columns(time - age) for age in ages.values()])
    )
    return {name: read.slice(place * rows.height, rows.height) for place, name in enumerate(ages)}


def without_store(store: Any, service_name: str, typical: Mapping[str, Any], rows: pl.DataFrame) -> Columns:
    """Features of a service [N] when nothing is read; request columns are those of ``rows``."""
    columns: dict[str, Sequence[Any]] = {name: rows[name].to_list() for name in rows.columns}
    called = []
    for projection in store.get_feature_service(service_name).feature_view_projections:
        view = store.registry.get_any_feature_view(projection.name, store.project, allow_cache=True)
        sources = getattr(view, "source_feature_view_projections", None)
        stored = [projection] if sources is None else list(sources.values())
        names = [feature.name for source in stored for feature in source.features]
        columns |= {name: [typical.get(name)] * rows.height for name in names}
        called += [] if sources is None else [view]
    for view in called:
        columns |= view.transform_dict(dict(columns))
    return columns


def recommendation_rungs(moment: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Figures of lists with live features, and of popularity, which is all that is left without any."""
    lead = "popularity_"
    names = [name.removeprefix(lead) for name in moment if name.startswith(lead)]
    return {
        "live": {name: moment[name] for name in names},
        "rules": {name: moment[lead + name] for name in names},
    }


def _rules(rows: pl.DataFrame, settings: TrainingSettings) -> Rules:
    """The limits of `training.rules`, and the share of frauds on each side of them."""
    beyond = rule_scores(rows, settings) >= 1
    orders = settings.fraud_rule_orders_10m - 1
    return Rules(
        limits={
            "amount_to_user_mean": settings.fraud_rule_amount_ratio,
            "user_orders_count_10m": orders,
            "device_orders_count_10m": orders,
        },
        within=_share(rows.filter(~beyond)),
        beyond=_share(rows.filter(beyond)),
        preferred=False,
    )


def _share(rows: pl.DataFrame) -> float:
    weight = float(rows["weight"].sum())
    return float((rows["is_fraud"] * rows["weight"]).sum()) / weight if weight else 0.0


def _probabilities(rules: Rules, columns: Columns) -> Floats:
    rows = zip(*(columns[name] for name in rules.limits), strict=True)
    return np.array([rules.probability(dict(zip(rules.limits, row, strict=True))) for row in rows])
