import asyncio
from pathlib import Path
from typing import Any

import pytest

from artefact import CANDIDATE_SCORE, ArtefactError, InputFeature, version_path
from serving.models import Model
from serving.requests import EXAMPLE, PredictionRequest
from tests.small_models import save_candidates, save_model, small_card
from tests.unit.serving.fakes import PRODUCTS, MemoryReader, memory_readers, predictor_of

Models = tuple[Model, Model]


def _order(**changes: Any) -> PredictionRequest:
    return PredictionRequest.model_validate(EXAMPLE | {"product_id": "prod_5"} | changes)


@pytest.mark.parametrize(("amount", "level"), [(5.0, "LOW"), (50.0, "MEDIUM"), (95.0, "HIGH")])
def test_the_risk_level_follows_the_cards_thresholds(models: Models, amount: float, level: str) -> None:
    """0.3 and 0.7 here."""
    prediction = asyncio.run(
        predictor_of(models, memory_readers()).predict(_order(transaction_amount=amount))
    )
    assert prediction.risk_level == level
    assert prediction.model_version == "fraud@v1,recommendation@v1"


def test_orders_that_come_together_share_one_read(models: Models) -> None:
    """Each gets the answer it would get alone."""
    readers = memory_readers()
    predictor = predictor_of(models, readers)
    orders = [_order(user_id=f"user_{i}", transaction_amount=10.0 + 10 * i) for i in range(9)]

    async def together() -> list[Any]:
        return await asyncio.gather(*(predictor.predict(order) for order in orders))

    async def alone() -> list[Any]:
        return [await predictor.predict(order) for order in orders]

    shared = asyncio.run(together())
    assert isinstance(readers.order, MemoryReader)
    assert [len(rows) for rows in readers.order.reads] == [9]
    assert [(p.user_id, p.fraud_probability) for p in shared] == [
        (p.user_id, p.fraud_probability) for p in asyncio.run(alone())
    ]


def test_recommendations_are_ranked_by_score_and_in_stock(models: Models) -> None:
    """user_3 looked at prod_3, which goes with 4, 5 and 0; 0 is out of stock."""
    answer = asyncio.run(predictor_of(models, memory_readers(), candidates_max=4).recommend("user_3", 10))
    assert [one.product_id for one in answer.recommendations] == ["prod_5", "prod_4", "prod_3"]
    scores = [one.score for one in answer.recommendations]
    assert scores == sorted(scores, reverse=True)


def test_a_customer_never_seen_is_recommended_what_sells(models: Models) -> None:
    """One batch read ranks all candidates; the k best are returned."""
    readers = memory_readers()
    answer = asyncio.run(predictor_of(models, readers).recommend("nobody", 2))
    assert [one.product_id for one in answer.recommendations] == ["prod_5", "prod_4"]
    assert isinstance(readers.ranking, MemoryReader)
    assert [len(rows) for rows in readers.ranking.reads] == [6]


def test_a_fraud_model_without_thresholds_is_refused(models: Models, tmp_path: Path) -> None:
    """No risk level could be told."""
    card = small_card("fraud", models[0].card.inputs, thresholds=None)
    save_model(card, tmp_path)
    with pytest.raises(ArtefactError, match="no thresholds"):
        predictor_of((Model.load(tmp_path / "fraud" / "v1"), models[1]), memory_readers())


def test_the_ranker_may_read_how_well_a_product_goes_with_the_last_viewed_one(
    models: Models, tmp_path: Path
) -> None:
    """user_3 looked at prod_3, which goes best with itself, then 4, 5 and 0; prod_2 does not go with it."""
    card = small_card("recommendation", [InputFeature(name=CANDIDATE_SCORE, dtype="Float64")])
    save_model(card, tmp_path)
    save_candidates(PRODUCTS, version_path(tmp_path, "recommendation", "v1"))
    ranker = Model.load(tmp_path / "recommendation" / "v1")
    rows = [{"user_id": "user_3", "product_id": f"prod_{i}"} for i in (3, 4, 2)]
    predictor = predictor_of((models[0], ranker), memory_readers())
    columns = asyncio.run(predictor._readers.ranking.read(rows))
    assert predictor._with_candidate_scores(rows, columns)[CANDIDATE_SCORE] == [1.0, 0.5, None]
