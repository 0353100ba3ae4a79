"""From a question to its answer: features, model input, score. Knows no transport. Hot path: nothing here blocks."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from serving.admission import Admission
from serving.answers import Arm, Journal, ModelSet, Score, Served, ViewUse
from serving.batching import Batcher
from serving.explain import explain
from serving.features import Columns, FeatureReader, Features, LowerRung, Row, Rung
from serving.metrics import Metrics
from serving.models import Model
from serving.replies import Prediction, Predictions, Recommendation, Recommendations
from serving.requests import PredictionRequest
from serving.rules import FRAUD, judged
from serving.scoring import LAST_VIEWED_COLUMN, by_row, picked, rows_by_arm, scores, with_request
from serving.shop_rules import ShopRules
from serving.uses import Used, lowest, rungs_of, together

RECOMMENDATION = "recommendation"
ORDERS_AT_ONCE = 64
"""Most concurrent requests that share one read of features."""
ORDERS_IN_A_TURN = 100
"""Of a batch, those judged in one turn of the event loop: others are answered between the turns."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Question:
    """One order to be judged.

    Attributes:
        request_id: Of its request.
        row: Join keys and request columns.
        started: When it was asked, by ``perf_counter``.
    """

    request_id: str
    row: Row
    started: float


@dataclass(slots=True)
class Decided:
    """A prediction and whose it is."""

    served: Served
    arm: Arm


class Predictor:
    """Answers questions with the models in use.

    Args:
        models: Replace the attribute to use others from the next question on.
        journal: Is told of every prediction.
        metrics: Where stages and predictions are counted.
        admission: Bounds the questions that are answered at once.
        candidates_max: How many products are ranked for one answer.
        rules: Which of them may be shown.
        now: Clock: of ages, and for requests that name no time.
    """

    def __init__(
        self,
        *,
        models: ModelSet,
        journal: Journal,
        metrics: Metrics,
        admission: Admission,
        candidates_max: int,
        rules: ShopRules,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.models = models
        self.now = now
        self._journal = journal
        self._metrics = metrics
        self._admission = admission
        self._candidates_max = candidates_max
        self._rules = rules
        self._orders = Batcher(self._decide, ORDERS_AT_ONCE)

    async def predict(
        self, request: PredictionRequest, request_id: str, *, explained: bool = False
    ) -> Prediction:
        """Fraud probability and recommendation score of one order, explained where that is asked for.

        Raises:
            OverloadedError: if too many questions are being answered.
            FeaturesUnavailableError: if the readers wait for the online store and it does not answer.
        """
        question = Question(request_id, request.entity_row(self.now()), perf_counter())
        with self._admission:
            decided = await self._orders.ask(question)
        self._note([decided])
        told = _told(decided)
        return replace(told, explanation=explain(decided.arm, decided.served)) if explained else told

    async def predict_all(self, requests: Sequence[PredictionRequest], request_id: str) -> Predictions:
        """As ``predict`` for each, in order: one read of features, a run of each model for so many as one turn judges.

        Raises:
            OverloadedError: if too many questions are being answered.
            FeaturesUnavailableError: if the readers wait for the online store and it does not answer.
        """
        started, now = perf_counter(), self.now()
        questions = [Question(request_id, request.entity_row(now), started) for request in requests]
        with self._admission:
            decided = await self._decide(questions)
        self._note(decided)
        await asyncio.sleep(0)
        predictions = [_told(one) for one in decided]
        degraded = _degraded(one.served.rung for one in decided)
        return Predictions(predictions, _milliseconds_since(started), request_id, degraded)

    async def recommend(self, user_id: str, k: int, request_id: str) -> Recommendations:
        """The ``k`` products, fewer where there are fewer, that the customer most likely orders, of those that may be shown.

        Raises:
            OverloadedError: if too many questions are being answered.
            FeaturesUnavailableError: if the readers wait for the online store and it does not answer.
        """
        with self._admission:
            return await self._recommend(user_id, k, request_id)

    async def _recommend(self, user_id: str, k: int, request_id: str) -> Recommendations:
        started, models = perf_counter(), self.models
        arm = models.arms.choose(user_id)
        viewed = await self._read(models.readers.last_viewed, [{"user_id": user_id}])
        products = arm.candidates.of(viewed.columns[LAST_VIEWED_COLUMN][0], self._candidates_max)
        rows: list[Row] = [{"user_id": user_id, "product_id": product} for product in products]
        questions = [Question(request_id, row, started) for row in rows]
        shown = (await self._ranked(models, arm, questions) if questions else [])[:k]
        self._note([Decided(served, arm) for served in shown])
        return Recommendations(
            user_id=user_id,
            recommendations=[_recommendation(served) for served in shown],
            inference_time_ms=_milliseconds_since(started),
            model_version=arm.recommendation.version,
            request_id=request_id,
            arm=arm.name,
            experiment=arm.experiment,
            degraded=_degraded([*rungs_of(viewed.views), *(served.rung for served in shown)]),
            views=together([served.views for served in shown]),
        )

    async def _decide(self, questions: Sequence[Question]) -> list[Decided]:
        """Every question answered by the models of its customer's arm."""
        models = self.models
        features = await self._read(models.readers.order, [question.row for question in questions])
        time_us = self._time_us()
        if len(questions) <= ORDERS_IN_A_TURN:
            return self._judged(models, questions, features, time_us)
        decided: list[Decided] = []
        for start in range(0, len(questions), ORDERS_IN_A_TURN):
            turn = slice(start, start + ORDERS_IN_A_TURN)
            decided += self._judged(models, questions[turn], features.part(turn), time_us)
            await asyncio.sleep(0)
        return decided

    def _judged(
        self, models: ModelSet, questions: Sequence[Question], features: Features, time_us: int
    ) -> list[Decided]:
        """Questions [N] of which everything was read."""
        used = Used.of(features.views, len(questions), time_us)
        decided: dict[int, Decided] = {}
        for arm, places in rows_by_arm([models.arms.choose(one.row["user_id"]) for one in questions]):
            served = self._served(
                arm,
                (arm.fraud, arm.recommendation),
                [questions[place] for place in places],
                picked(features.columns, places),
                used.picked(places),
                time_us,
            )
            decided.update((place, Decided(one, arm)) for place, one in zip(places, served, strict=True))
        return [decided[place] for place in range(len(questions))]

    async def _ranked(self, models: ModelSet, arm: Arm, questions: Sequence[Question]) -> list[Served]:
        """Products that the shop's rules allow, best first; equals stay in the order of the slate, which for nobody known is popularity."""
        features = await self._read(models.readers.ranking, [question.row for question in questions])
        time_us = self._time_us()
        used = Used.of(features.views, len(questions), time_us)
        ranked = self._served(arm, (arm.recommendation,), questions, features.columns, used, time_us)
        allowed = [served for served in ranked if self._rules.allow(served.features)]
        return sorted(allowed, key=lambda served: served.scores[RECOMMENDATION].probability, reverse=True)

    def _served(
        self,
        arm: Arm,
        models: Sequence[Model],
        questions: Sequence[Question],
        columns: Columns,
        used: Used,
        time_us: int,
    ) -> list[Served]:
        """Rows [N] through some models of an arm."""
        rows = [question.row for question in questions]
        complete = with_request(arm, rows, columns)
        scored = scores(arm, models, complete, self._metrics)
        values = by_row(complete, without=rows[0])
        return [
            self._one(arm, question, rung, views, features, said, time_us)
            for question, rung, views, features, said in zip(
                questions, used.rungs, used.views, values, scored, strict=True
            )
        ]

    def _one(
        self,
        arm: Arm,
        question: Question,
        worst: Rung,
        views: Mapping[str, ViewUse],
        features: Mapping[str, Any],
        scored: dict[str, Score],
        time_us: int,
    ) -> Served:
        rung, said = judged(arm, worst, views, features, scored)
        return Served(
            request_id=question.request_id,
            time_us=time_us,
            row=question.row,
            rung=rung,
            views=views,
            features=features,
            scores=said,
            risk_level=arm.fraud.thresholds.level(said[FRAUD].probability) if FRAUD in said else None,
            latency_ms=_milliseconds_since(question.started),
        )

    async def _read(self, reader: FeatureReader, rows: Sequence[Row]) -> Features:
        started = perf_counter()
        features = await reader.read(rows)
        self._metrics.stage["features"].observe(perf_counter() - started)
        return features

    def _note(self, decided: Sequence[Decided]) -> None:
        arms = self.models.arms
        self._metrics.decided([one.served for one in decided])
        for one in decided:
            self._journal.record(one.served)
            arms.decided(one.arm, one.served)

    def _time_us(self) -> int:
        return (self.now() - _EPOCH) // _MICROSECOND


def _told(decided: Decided) -> Prediction:
    served, arm = decided.served, decided.arm
    fraud, recommendation = served.scores[FRAUD], served.scores[RECOMMENDATION]
    return Prediction(
        user_id=served.row["user_id"],
        fraud_probability=fraud.probability,
        recommendation_score=recommendation.probability,
        risk_level=arm.fraud.thresholds.level(fraud.probability),
        inference_time_ms=served.latency_ms,
        model_version=f"{fraud.version},{recommendation.version}",
        request_id=served.request_id,
        arm=arm.name,
        experiment=arm.experiment,
        degraded=None if served.rung == "live" else served.rung,
        views=served.views,
    )


def _recommendation(served: Served) -> Recommendation:
    return Recommendation(served.row["product_id"], served.scores[RECOMMENDATION].probability)


def _degraded(rungs: Iterable[Rung]) -> LowerRung | None:
    worst = lowest(rungs)
    return None if worst == "live" else worst


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
