import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from serving.app import create_app
from serving.dataplane import Predictor
from serving.features import Readers
from serving.health import HealthMonitor
from serving.metrics import Metrics
from serving.models import Model
from serving.requests import EXAMPLE
from tests.unit.serving.fakes import MemoryReader, memory_readers, predictor_of

Models = tuple[Model, Model]
BODY_MAX_BYTES = 1000


class Api:
    """The application over an online store in memory, and a client of it.

    Attributes:
        readers: The store; may be taken away.
        misfits: What the monitor finds when definitions change.
        monitor: Of the application.
        trouble: What the monitor finds wrong with Redis.
    """

    def __init__(self, models: Models) -> None:
        self.readers: Readers = memory_readers()
        self.misfits: Mapping[str, str] = {}
        metrics = Metrics()
        predictor: Predictor = predictor_of(models, self.readers, metrics=metrics)
        self.trouble = ""
        self.monitor = HealthMonitor(
            lambda: {"fraud": models[0]}, {"redis": self._redis}, lambda: self.misfits, datetime.now(UTC)
        )
        self.app: FastAPI = create_app(
            predictor=predictor,
            monitor=self.monitor,
            metrics=metrics,
            body_max_bytes=BODY_MAX_BYTES,
            recommendations_default=2,
            recommendations_max=5,
        )

    async def _redis(self) -> str:
        return self.trouble

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def take_store_away(self, reason: str) -> None:
        for reader in (self.readers.order, self.readers.last_viewed, self.readers.ranking):
            assert isinstance(reader, MemoryReader)
            reader.away = reason

    def count(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.request("GET", "/metrics").text)
        samples = [s for family in families for s in family.samples if s.name == name]
        return sum(s.value for s in samples if labels.items() <= s.labels.items())


@pytest.fixture
def api(models: Models) -> Api:
    return Api(models)


def test_a_prediction_has_every_field_of_the_contract(api: Api) -> None:
    """And nothing else."""
    answer = api.request("POST", "/predict", json=EXAMPLE)
    assert answer.status_code == 200
    assert set(answer.json()) == {
        "user_id",
        "fraud_probability",
        "recommendation_score",
        "risk_level",
        "inference_time_ms",
        "model_version",
        "request_id",
        "arm",
        "experiment",
        "degraded",
        "views",
    }


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 400), (b"{", 400), (b"{}", 422), (b'{"user_id": "' + b"u" * BODY_MAX_BYTES + b'"}', 413)],
)
def test_a_wrong_body_is_a_problem(api: Api, content: bytes, status: int) -> None:
    """RFC 9457: media type, status in the body, a title and the reason."""
    answer = api.request("POST", "/predict", content=content)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["title"]
    assert problem["detail"]


def test_a_wrong_field_is_in_the_problem(api: Api) -> None:
    """With its value and the reason, for a program to read."""
    problem = api.request("POST", "/predict", json=EXAMPLE | {"transaction_amount": -5}).json()
    assert problem["errors"] == [
        {"field": "transaction_amount", "value": -5, "message": "Input should be greater than 0"}
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/predict", 405), ("PUT", "/health", 405)],
)
def test_a_path_or_method_that_is_not_there_is_a_problem(
    api: Api, method: str, path: str, status: int
) -> None:
    """As any other error."""
    answer = api.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert path in answer.json()["detail"]


def test_k_is_how_many_are_recommended(api: Api) -> None:
    """The setting says how many where it is absent."""
    assert len(api.request("GET", "/recommendations/user_1").json()["recommendations"]) == 2
    assert len(api.request("GET", "/recommendations/user_1?k=4").json()["recommendations"]) == 4


@pytest.mark.parametrize("k", ["0", "-1", "6", "two", "1.5", ""])
def test_k_outside_its_bounds_is_a_problem_that_names_it(api: Api, k: str) -> None:
    """422 with the value."""
    answer = api.request("GET", f"/recommendations/user_1?k={k}")
    assert answer.status_code == 422
    assert [(e["field"], e["value"]) for e in answer.json()["errors"]] == [("k", k)]


def test_a_store_that_does_not_answer_is_503_with_its_reason(api: Api) -> None:
    """And with when to come again; the API itself lives on."""
    api.take_store_away("no Redis at 127.0.0.1:1")
    for answer in (api.request("POST", "/predict", json=EXAMPLE), api.request("GET", "/recommendations/u")):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["detail"] == "no Redis at 127.0.0.1:1"
    assert api.request("GET", "/health").status_code == 200


def test_an_unexpected_error_tells_nothing_of_the_inside(api: Api, models: Models) -> None:
    """500 as a problem; the log has the rest."""
    assert isinstance(api.readers.order, MemoryReader)
    api.readers.order._names = []
    answer = api.request("POST", "/predict", json=EXAMPLE)
    assert answer.status_code == answer.json()["status"] == 500
    assert "transaction_amount" not in answer.text


def test_ready_names_each_dependency(api: Api) -> None:
    """All of them well."""
    answer = api.request("GET", "/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "checks": {name: {"ok": True, "reason": ""} for name in ("registry", "redis", "fraud")},
    }


def test_ready_tells_that_the_store_is_away_and_stays_in_service(api: Api) -> None:
    """Answers go on without it; another process would do no better."""
    api.trouble = "no Redis at 127.0.0.1:1"
    answer = api.request("GET", "/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["redis"] == {"ok": False, "reason": "no Redis at 127.0.0.1:1"}
    assert answer.json()["checks"]["fraud"]["ok"]


def test_changed_definitions_are_said_and_do_not_take_the_api_out_of_service(api: Api) -> None:
    """It goes on answering from the definitions it was started with."""
    api.misfits = {"fraud": "feature service 'fraud_v1' changed"}
    api.monitor.definitions_changed()
    answer = api.request("GET", "/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["fraud"]["reason"] == "feature service 'fraud_v1' changed"


def test_health_says_which_models_are_loaded(api: Api) -> None:
    """Version, feature service and when it was made."""
    assert api.request("GET", "/health").json()["models"] == {
        "fraud": {"version": "v1", "feature_service": "fraud_v1", "created": "2026-02-01T00:00:00+00:00"}
    }


def test_answers_are_counted_by_route_and_status(api: Api) -> None:
    """A path that is no route makes no time series of its own."""
    seconds = "shop_api_request_seconds_count"
    before = [api.count(seconds, route=r) for r in ("/recommendations/{user_id}", "unmatched")]
    api.request("GET", "/recommendations/user_1")
    api.request("GET", "/recommendations/user_1?k=0")
    api.request("GET", "/secret-1")
    api.request("GET", "/secret-2")
    after = [api.count(seconds, route=r) for r in ("/recommendations/{user_id}", "unmatched")]
    assert [a - b for a, b in zip(after, before, strict=True)] == [2, 2]
    assert api.count(seconds, route="/recommendations/{user_id}", status="422") >= 1


def test_predictions_stages_and_values_are_counted(api: Api) -> None:
    """One prediction: one risk level, one read, two runs of a model, its inputs."""
    stages = dict.fromkeys(("features", "encode", "score"), "shop_api_stage_seconds_count")

    def counts() -> list[float]:
        return [
            api.count("shop_api_predictions_total", risk_level="HIGH"),
            *(api.count(metric, stage=name) for name, metric in stages.items()),
            api.count("shop_api_feature_values_total", status="present"),
            api.count("shop_api_feature_values_total", status="null"),
        ]

    before = counts()
    api.request("POST", "/predict", json=EXAMPLE | {"transaction_amount": 95.0, "product_id": "unheard of"})
    assert [a - b for a, b in zip(counts(), before, strict=True)] == [1, 1, 2, 2, 1, 1]


def test_the_openapi_document_shows_the_body_its_example_and_the_problems(api: Api) -> None:
    """What a client generator needs."""
    document = api.request("GET", "/openapi.json").json()
    predict = document["paths"]["/predict"]["post"]
    schema = predict["requestBody"]["content"]["application/json"]["schema"]
    assert schema["examples"] == [EXAMPLE]
    assert set(predict["responses"]) == {"200", "400", "413", "422", "503"}
    assert "application/problem+json" in predict["responses"]["422"]["content"]
    assert api.request("GET", "/docs").status_code == 200
