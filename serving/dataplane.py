"""From a question to its answer: features, model input, score. Knows no transport. Hot path: nothing here blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Any

from pydantic import Field

from artefact import CANDIDATE_SCORE, ArtefactError, RiskLevel, Thresholds
from serving.batching import Batcher
from serving.candidates import Candidates
from serving.features import Columns, FeatureReader, Row
from serving.metrics import Metrics
from serving.models import Model
from serving.requests import PredictionRequest

LAST_VIEWED = "user_views:user_product_id_last_1d"
"""The feature that recommendations start from; the recommendation model's service has it too."""
_LAST_VIEWED_COLUMN = LAST_VIEWED.partition(":")[2]
IN_STOCK = "product_in_stock"
ORDERS_AT_ONCE = 64
"""Most concurrent requests that share one read of features."""

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Prediction:
    """Answer to ``POST /predict``."""

    user_id: str
    fraud_probability: Share
    recommendation_score: Share
    risk_level: RiskLevel
    inference_time_ms: Annotated[float, Field(ge=0, description="Features, encoding and both models.")]
    model_version: Annotated[str, Field(examples=["fraud@20260101T000000,recommendation@20260101T000000"])]


@dataclass(frozen=True)
class Recommendation:
    """One product and how likely the customer orders it."""

    product_id: str
    score: Share


@dataclass(frozen=True)
class Recommendations:
    """Answer to ``GET /recommendations/{user_id}``, best first."""

    user_id: str
    recommendations: list[Recommendation]
    inference_time_ms: Annotated[float, Field(ge=0)]
    model_version: str


@dataclass(frozen=True)
class Readers:
    """Reads of features, one per question.

    Attributes:
        order: Features of both models for an order.
        last_viewed: The product a customer looked at last.
        ranking: Features of the recommendation model.
    """

    order: FeatureReader
    last_viewed: FeatureReader
    ranking: FeatureReader


class Predictor:
    """Answers questions with the champions of both models.

    Args:
        fraud: Model with thresholds.
        recommendation: Model that ranks.
        candidates: What it ranks.
        readers: Where features come from.
        metrics: Where stages and predictions are counted.
        candidates_max: How many products are ranked for one answer.
        now: Clock for requests that name no time.

    Raises:
        ArtefactError: if the fraud model has no thresholds.
    """

    def __init__(
        self,
        *,
        fraud: Model,
        recommendation: Model,
        candidates: Candidates,
        readers: Readers,
        metrics: Metrics,
        candidates_max: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.fraud = fraud
        self.recommendation = recommendation
        self.now = now
        self._candidates = candidates
        self._readers = readers
        self._metrics = metrics
        self._candidates_max = candidates_max
        self._orders = Batcher(self._score_orders, ORDERS_AT_ONCE)
        self._thresholds = _thresholds(fraud)
        self._versions = f"{fraud.version},{recommendation.version}"

    async def predict(self, request: PredictionRequest) -> Prediction:
        """Fraud probability and recommendation score of one order.

        Raises:
            FeaturesUnavailableError: if the online store does not answer in time.
        """
        started = perf_counter()
        fraud, recommendation = await self._orders.ask(request.entity_row(self.now()))
        level = self._thresholds.level(fraud)
        self._metrics.predictions[level].inc()
        return Prediction(
            user_id=request.user_id,
            fraud_probability=fraud,
            recommendation_score=recommendation,
            risk_level=level,
            inference_time_ms=_milliseconds_since(started),
            model_version=self._versions,
        )

    async def recommend(self, user_id: str, k: int) -> Recommendations:
        """The ``k`` products, fewer where there are fewer, that the customer most likely orders; all are in stock.

        Raises:
            FeaturesUnavailableError: if the online store does not answer in time.
        """
        started = perf_counter()
        products = await self._slate(user_id)
        ranked = await self._rank(user_id, products) if products else []
        return Recommendations(
            user_id=user_id,
            recommendations=ranked[:k],
            inference_time_ms=_milliseconds_since(started),
            model_version=self.recommendation.version,
        )

    async def _score_orders(self, rows: list[Row]) -> list[tuple[float, float]]:
        """Fraud probability and recommendation score of each row."""
        columns = await self._read(self._readers.order, rows)
        fraud = self._score(self.fraud, _with_request(rows, columns))
        recommendation = self._score(self.recommendation, self._with_candidate_scores(rows, columns))
        return list(zip(fraud.tolist(), recommendation.tolist(), strict=True))

    async def _slate(self, user_id: str) -> list[str]:
        last_viewed = await self._read(self._readers.last_viewed, [{"user_id": user_id}])
        return self._candidates.of(last_viewed[_LAST_VIEWED_COLUMN][0], self._candidates_max)

    async def _rank(self, user_id: str, products: Sequence[str]) -> list[Recommendation]:
        rows = [{"user_id": user_id, "product_id": product} for product in products]
        columns = await self._read(self._readers.ranking, rows)
        scores = self._score(self.recommendation, self._with_candidate_scores(rows, columns))
        scored = zip(products, scores.tolist(), columns[IN_STOCK], strict=True)
        found = [
            Recommendation(product, score) for product, score, in_stock in scored if in_stock is not False
        ]
        return sorted(found, key=lambda one: one.score, reverse=True)

    def _with_candidate_scores(self, rows: Sequence[Row], columns: Columns) -> Columns:
        """Features, and how well each row's product goes with the one its customer looked at last."""
        pairs = zip(columns[_LAST_VIEWED_COLUMN], rows, strict=True)
        scores = [self._candidates.score(last_viewed, row["product_id"]) for last_viewed, row in pairs]
        return {**columns, CANDIDATE_SCORE: scores}

    async def _read(self, reader: FeatureReader, rows: Sequence[Row]) -> Columns:
        started = perf_counter()
        columns = await reader.read(rows)
        self._metrics.stage["features"].observe(perf_counter() - started)
        return columns

    def _score(self, model: Model, columns: Columns) -> Any:
        started = perf_counter()
        rows = model.encode(columns)
        encoded = perf_counter()
        probabilities = model.score(rows)
        self._metrics.scored(rows, encoded - started, perf_counter() - encoded)
        return probabilities


def _with_request(rows: Sequence[Row], columns: Columns) -> Columns:
    """Features, and what only the request knows: a model may read it as it is."""
    return {name: [row[name] for row in rows] for name in rows[0]} | dict(columns)


def _thresholds(model: Model) -> Thresholds:
    if model.card.thresholds is None:
        raise ArtefactError(
            f"the card of {model.version} has no thresholds, so no risk level; train it again"
        )
    return model.card.thresholds


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
