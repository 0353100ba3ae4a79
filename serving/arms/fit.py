"""Does a model fit what is registered, so that the API can give it every input? Control path."""

from typing import Any

from artefact import CANDIDATE_SCORE, Card
from serving.arms.cast import FRAUD, Fit
from serving.registry import check_definitions
from serving.requests import EARLIEST_TIME, EXAMPLE, PredictionRequest

_REQUEST = frozenset(PredictionRequest.model_validate(EXAMPLE).entity_row(EARLIEST_TIME))


def fit_to(store: Any) -> Fit:
    """Compares cards with the registry that a ``feast.FeatureStore`` holds."""

    def reason(card: Card) -> str | None:
        if misfits := check_definitions(store, [card]):
            return misfits[card.model]
        unknown = sorted({feature.name for feature in card.inputs} - _given(store, card))
        if unknown:
            return (
                f"{card.model}@{card.version} reads {', '.join(unknown)}, which feature service "
                f"{card.feature_service!r} does not have; run `feast apply` or train it again"
            )
        return None

    return reason


def _given(store: Any, card: Card) -> set[str]:
    """Names of all that a model of this kind may read."""
    service = store.get_feature_service(card.feature_service, allow_cache=True)
    features = {field.name for view in service.feature_view_projections for field in view.features}
    return features | (_REQUEST if card.model == FRAUD else {CANDIDATE_SCORE})
