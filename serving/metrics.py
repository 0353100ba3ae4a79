"""What the API counts. Hot path."""

from collections import Counter as Counted
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.answers import Served
from serving.breaker import STATES, State
from serving.features import RUNGS
from serving.models import Model

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (
    0.0005,
    0.001,
    0.002,
    0.003,
    0.004,
    0.005,
    0.0075,
    0.01,
    0.015,
    0.02,
    0.03,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    5,
)
STAGES = ("features", "encode", "score")


class Stage(Protocol):
    """Is told how long a stage of an answer took, at its end."""

    def observe(self, amount: float) -> None:
        """So many seconds."""


class Metrics:
    """Collectors of one API process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.expose: Callable[[], Awaitable[bytes]] = self._alone
        """What ``/metrics`` tells; of several workers, their sum."""
        self._requests = Histogram(
            "shop_api_request_seconds",
            "Time to answer a request; its count is the number of requests.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        stages = Histogram(
            "shop_api_stage_seconds",
            "Time of the parts of an answer.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        features = Counter(
            "shop_api_feature_values",
            "Feature values read for the models' inputs: present or null.",
            ["status"],
            registry=self.registry,
        )
        self._views = Counter(
            "shop_api_views_read",
            "Rows of feature views read, by Feast's status: PRESENT, NOT_FOUND, OUTSIDE_MAX_AGE.",
            ["view", "status"],
            registry=self.registry,
        )
        predictions = Counter(
            "shop_api_predictions", "Predictions by risk level.", ["risk_level"], registry=self.registry
        )
        self._models = Gauge(
            "shop_api_model_info",
            "1 for each model version in use, by its part: champion, challenger or shadow.",
            ["model", "version", "part"],
            registry=self.registry,
        )
        answers = Counter(
            "shop_api_answers",
            "Predictions and recommended products by the worst rung of their features: live, remembered, typical, rules.",
            ["rung"],
            registry=self.registry,
        )
        state = Gauge(
            "shop_api_breaker_state",
            "1 for the state of the circuit breaker of the online store.",
            ["state"],
            registry=self.registry,
        )
        changes = Counter(
            "shop_api_breaker_changes",
            "How often the circuit breaker came into a state.",
            ["state"],
            registry=self.registry,
        )
        self.shed = Counter(
            "shop_api_shed",
            "Questions refused because too many were being answered.",
            registry=self.registry,
        )
        self._answers = {rung: answers.labels(rung) for rung in RUNGS}
        self._breaker_state = {name: state.labels(name) for name in STATES}
        self._breaker_changes = {name: changes.labels(name) for name in STATES}
        self._breaker_state["closed"].set(1)
        self._views_known: dict[tuple[str, str], Counter] = {}
        self.stage: dict[str, Stage] = {name: stages.labels(name) for name in STAGES}
        self._values_present, self._values_null = features.labels("present"), features.labels("null")
        self._predictions = {level: predictions.labels(level) for level in ("LOW", "MEDIUM", "HIGH")}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(route, str(status)).observe(seconds)

    def view_read(self, view: str, status: str, rows: int) -> None:
        """Count rows of a feature view that were asked for."""
        key = view, status
        if key not in self._views_known:
            self._views_known[key] = self._views.labels(view, status)
        self._views_known[key].inc(rows)

    def decided(self, served: Sequence[Served]) -> None:
        """Count predictions and recommended products."""
        for rung, count in Counted(one.rung for one in served).items():
            self._answers[rung].inc(count)
        for level, count in Counted(one.risk_level for one in served).items():
            if level is not None:
                self._predictions[level].inc(count)

    def scored(self, values: int, nulls: int, encode_seconds: float, score_seconds: float) -> None:
        """Count one run of a model over so many values, so many of them null."""
        self._values_null.inc(nulls)
        self._values_present.inc(values - nulls)
        self.stage["encode"].observe(encode_seconds)
        self.stage["score"].observe(score_seconds)

    def models_in_use(self, parts: Iterable[tuple[str, Model]]) -> None:
        """Say that these versions are in use with their parts, and no others."""
        self._models.clear()
        for part, model in parts:
            self._models.labels(model.card.model, model.card.version, part).set(1)

    def breaker(self, state: State) -> None:
        """The breaker came into this state."""
        self._breaker_changes[state].inc()
        for name, gauge in self._breaker_state.items():
            gauge.set(name == state)

    async def _alone(self) -> bytes:
        return self.exposition()

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)
