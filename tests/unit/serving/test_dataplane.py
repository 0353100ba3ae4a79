import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from artefact import CANDIDATE_SCORE, InputFeature, version_path
from serving.answers import Arm, Score, Served, ViewUse
from serving.models import Model
from serving.requests import EXAMPLE, PredictionRequest
from serving.shop_rules import BOUGHT
from tests.small_models import save_candidates, save_model, small_card
from tests.unit.serving.fakes import (
    PRODUCTS,
    STORED_AT_US,
    MemoryReader,
    Notebook,
    champion,
    memory_readers,
    predictor_of,
)

Models = tuple[Model, Model]


def _order(**changes: Any) -> PredictionRequest:
    return PredictionRequest.model_validate(EXAMPLE | {"product_id": "prod_5"} | changes)


@pytest.mark.parametrize(("amount", "level"), [(5.0, "LOW"), (50.0, "MEDIUM"), (95.0, "HIGH")])
def test_the_risk_level_follows_the_cards_thresholds(models: Models, amount: float, level: str) -> None:
    """0.3 and 0.7 here."""
    prediction = asyncio.run(
        predictor_of(models, memory_readers()).predict(_order(transaction_amount=amount), "r1")
    )
    assert prediction.risk_level == level
    assert prediction.model_version == "fraud@v1,recommendation@v1"


def test_orders_that_come_together_share_one_read(models: Models) -> None:
    """Each gets the answer it would get alone."""
    readers = memory_readers()
    predictor = predictor_of(models, readers)
    orders = [_order(user_id=f"user_{i}", transaction_amount=10.0 + 10 * i) for i in range(9)]

    async def together() -> list[Any]:
        return await asyncio.gather(*(predictor.predict(order, "r1") for order in orders))

    async def alone() -> list[Any]:
        return [await predictor.predict(order, "r1") for order in orders]

    shared = asyncio.run(together())
    assert isinstance(readers.order, MemoryReader)
    assert [len(rows) for rows in readers.order.reads] == [9]
    assert [(p.user_id, p.fraud_probability) for p in shared] == [
        (p.user_id, p.fraud_probability) for p in asyncio.run(alone())
    ]


def test_recommendations_are_ranked_by_score_and_in_stock(models: Models) -> None:
    """user_3 looked at prod_3, which goes with 4, 5 and 0; 0 is out of stock."""
    answer = asyncio.run(
        predictor_of(models, memory_readers(), candidates_max=4).recommend("user_3", 10, "r1")
    )
    assert [one.product_id for one in answer.recommendations] == ["prod_5", "prod_4", "prod_3"]
    scores = [one.score for one in answer.recommendations]
    assert scores == sorted(scores, reverse=True)


def test_what_the_shop_forbids_is_not_recommended(models: Models) -> None:
    """The rules see the features of each product and its customer."""
    readers = memory_readers()
    ranking = MemoryReader(
        ["product_worth", BOUGHT, "user_product_id_last_1d"], {"prod_5": {"product_worth": 70.0, BOUGHT: 2}}
    )
    answer = asyncio.run(
        predictor_of(models, replace(readers, ranking=ranking)).recommend("nobody", 10, "r1")
    )
    assert "prod_5" not in [one.product_id for one in answer.recommendations]
    assert len(answer.recommendations) == 5


def test_a_customer_never_seen_is_recommended_what_sells(models: Models) -> None:
    """One batch read ranks all candidates; the k best are returned."""
    readers = memory_readers()
    answer = asyncio.run(predictor_of(models, readers).recommend("nobody", 2, "r1"))
    assert [one.product_id for one in answer.recommendations] == ["prod_5", "prod_4"]
    assert isinstance(readers.ranking, MemoryReader)
    assert [len(rows) for rows in readers.ranking.reads] == [6]


def test_the_ranker_may_read_how_well_a_product_goes_with_the_last_viewed_one(
    models: Models, tmp_path: Path
) -> None:
    """user_3 looked at prod_3, which goes best with itself, then 4, 5 and 0; prod_2 does not go with it."""
    card = small_card("recommendation", [InputFeature(name=CANDIDATE_SCORE, dtype="Float64")])
    save_model(card, tmp_path)
    save_candidates(PRODUCTS, version_path(tmp_path, "recommendation", "v1"))
    ranker = Model.load(tmp_path / "recommendation" / "v1")
    notebook = Notebook()
    predictor = predictor_of((models[0], ranker), memory_readers(), journal=notebook)
    for i in (3, 4, 2):
        asyncio.run(predictor.predict(_order(user_id="user_3", product_id=f"prod_{i}"), "r1"))
    assert [served.features[CANDIDATE_SCORE] for served in notebook.served] == [1.0, 0.5, None]
    assert [served.scores["recommendation"].inputs for served in notebook.served] == [[1.0], [0.5], [None]]


def test_an_answer_says_what_each_view_gave_and_its_age(models: Models) -> None:
    """The customer's row is 90 s old; that of a newcomer is not there."""
    now = datetime.fromtimestamp(STORED_AT_US / 1_000_000 + 90, UTC)
    predictor = predictor_of(models, memory_readers(), now=lambda: now)
    known, newcomer = (
        asyncio.run(predictor.predict(_order(user_id=user), "r1")) for user in ("user_1", "newcomer")
    )
    assert known.views == {"customers": ViewUse("PRESENT", STORED_AT_US, 90.0, "live")}
    assert newcomer.views == {"customers": ViewUse("NOT_FOUND", None, None, "live")}
    assert known.degraded is newcomer.degraded is None


def test_the_journal_is_told_what_an_answer_was_made_of(models: Models) -> None:
    """Row, features, model inputs and probabilities; a list of recommendations is told product by product."""
    notebook = Notebook()
    predictor = predictor_of(models, memory_readers(), journal=notebook)
    answer = asyncio.run(predictor.predict(_order(user_id="user_3", transaction_amount=9.5), "r1"))
    shown = asyncio.run(predictor.recommend("user_3", 2, "r2")).recommendations
    served, *recommended = notebook.served
    assert (served.request_id, served.row["transaction_amount"], served.rung) == ("r1", 9.5, "live")
    assert served.features["product_worth"] == 70.0
    assert served.scores["fraud"] == Score(
        "fraud@v1", answer.fraud_probability, [9.5], "champion", shadow=False
    )
    assert (served.risk_level, recommended[0].risk_level) == (answer.risk_level, None)
    assert [one.row["product_id"] for one in recommended] == [one.product_id for one in shown]
    assert {one.request_id for one in recommended} == {"r2"}


def test_customers_of_several_arms_share_one_read(models: Models, tmp_path: Path) -> None:
    """Each is answered by the models of its arm, in order."""
    other = small_card("fraud", models[0].card.inputs, version="v2")
    save_model(other, tmp_path)
    arms = ByNumber(
        champion(models),
        replace(champion(models), name="challenger", fraud=Model.load(tmp_path / "fraud" / "v2")),
    )
    readers = memory_readers()
    predictor = predictor_of(models, readers)
    predictor.models = replace(predictor.models, arms=arms)
    orders = [_order(user_id=f"user_{i}") for i in range(5)]
    answer = asyncio.run(predictor.predict_all(orders, "r1"))
    assert [one.user_id for one in answer.predictions] == [order.user_id for order in orders]
    assert [one.model_version.partition(",")[0] for one in answer.predictions] == [
        "fraud@v1", "fraud@v2", "fraud@v1", "fraud@v2", "fraud@v1",
    ]  # fmt: skip
    assert [one.arm for one in answer.predictions][:2] == ["champion", "challenger"]
    assert isinstance(readers.order, MemoryReader)
    assert [len(rows) for rows in readers.order.reads] == [5]
    assert arms.told == [(one.arm, one.user_id) for one in answer.predictions]


class ByNumber:
    """Two arms, by the last digit of the customer.

    Attributes:
        told: Arm and customer of each decision.
    """

    def __init__(self, *arms: Arm) -> None:
        self._arms = arms
        self.told: list[tuple[str, str]] = []

    def choose(self, user_id: str) -> Arm:
        return self._arms[int(user_id[-1]) % 2]

    def every(self) -> Sequence[Arm]:
        return self._arms

    def decided(self, arm: Arm, served: Served) -> None:
        self.told.append((arm.name, served.row["user_id"]))
