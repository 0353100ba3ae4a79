import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

from artefact import Override
from artefact.overrides import keep_override
from serving import examples
from serving.admission import Admission
from serving.app import create_app
from serving.catalogue import Models as ModelSheets
from serving.dataplane import Predictor
from serving.features import Readers
from serving.health import Health, HealthMonitor, Readiness
from serving.metrics import Metrics
from serving.models import Model
from serving.replies import Prediction, Predictions, Recommendations
from serving.requests import BATCH_MAX, EXAMPLE
from tests.unit.serving.fakes import MemoryReader, memory_readers, predictor_of

Models = tuple[Model, Model]
BODY_MAX_BYTES = 1000


class Api:
    """The application over an online store in memory, and a client of it.

    Attributes:
        models: Both.
        readers: The store; may be taken away.
        misfits: What the monitor finds when definitions change.
        monitor: Of the application.
        trouble: What the monitor finds wrong with Redis.
    """

    def __init__(
        self, models: Models, *, questions_max: int = 100, batch_body_max_bytes: int = 4 * BODY_MAX_BYTES
    ) -> None:
        self.models = models
        self.readers: Readers = memory_readers()
        self.misfits: Mapping[str, str] = {}
        metrics = Metrics()
        predictor: Predictor = predictor_of(
            models, self.readers, metrics=metrics, admission=Admission(questions_max, metrics)
        )
        self.trouble = ""
        self.monitor = HealthMonitor(
            lambda: {"fraud": models[0]}, {"redis": self._redis}, lambda: self.misfits, datetime.now(UTC)
        )
        self.app: FastAPI = create_app(
            predictor=predictor,
            monitor=self.monitor,
            metrics=metrics,
            body_max_bytes=BODY_MAX_BYTES,
            batch_body_max_bytes=batch_body_max_bytes,
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
        "explanation",
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
    assert [one["name"] for one in predict["parameters"]] == ["explain"]
    assert set(predict["responses"]) == {"200", "400", "408", "413", "415", "422", "431", "503"}
    assert "application/problem+json" in predict["responses"]["422"]["content"]
    assert api.request("GET", "/docs").status_code == 200


def test_a_batch_is_answered_in_order_with_one_read(api: Api) -> None:
    """Each order as it would be alone."""
    orders = [EXAMPLE | {"user_id": f"user_{i}", "transaction_amount": 5.0 + 20 * i} for i in range(5)]
    answer = api.request("POST", "/predict/batch", json={"orders": orders})
    assert answer.status_code == 200
    told = answer.json()["predictions"]
    assert [one["user_id"] for one in told] == [order["user_id"] for order in orders]
    assert isinstance(api.readers.order, MemoryReader)
    assert [len(rows) for rows in api.readers.order.reads] == [5]
    alone = [api.request("POST", "/predict", json=order).json() for order in orders]
    assert [one["fraud_probability"] for one in told] == [one["fraud_probability"] for one in alone]


def test_a_wrong_order_of_a_batch_is_named_by_its_index_and_nothing_is_scored(api: Api) -> None:
    """422 with every wrong field."""
    orders = [EXAMPLE, EXAMPLE | {"transaction_amount": 0}, EXAMPLE | {"user_id": ""}]
    answer = api.request("POST", "/predict/batch", json={"orders": orders})
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [
        "orders.1.transaction_amount",
        "orders.2.user_id",
    ]
    late = EXAMPLE | {"context": {"time": "2200-01-01T00:00:00Z"}}
    answer = api.request("POST", "/predict/batch", json={"orders": [EXAMPLE, late]})
    assert [e["field"] for e in answer.json()["errors"]] == ["orders.1.context.time"]
    assert isinstance(api.readers.order, MemoryReader)
    assert api.readers.order.reads == []


@pytest.mark.parametrize(("count", "status"), [(0, 422), (BATCH_MAX + 1, 422)])
def test_a_batch_has_from_one_to_a_thousand_orders(api: Api, count: int, status: int) -> None:
    """Said with the bound."""
    small = {"user_id": "u", "product_id": "p", "transaction_amount": 1}
    answer = _large(api).request("POST", "/predict/batch", json={"orders": [small] * count})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == "orders"


def _large(api: Api) -> Api:
    """With room for a batch of any size."""
    return Api(api.models, batch_body_max_bytes=1_000_000)


def test_explained_answers_tell_features_and_what_changed_the_probability(api: Api) -> None:
    """The amount is all that the fraud model reads; others get no explanation."""
    order = EXAMPLE | {"transaction_amount": 95.0, "product_id": "prod_5"}
    told = api.request("POST", "/predict?explain=true", json=order).json()
    plain = api.request("POST", "/predict", json=order).json()
    assert plain["explanation"] is None
    assert told["explanation"]["features"]["product_worth"] == 70.0
    (amount,) = told["explanation"]["contributions"]["fraud"]
    assert (amount["feature"], amount["value"], amount["typical"]) == ("transaction_amount", 95.0, 50.0)
    usual = api.request("POST", "/predict", json=order | {"transaction_amount": 50.0}).json()
    assert amount["contribution"] == pytest.approx(
        told["fraud_probability"] - usual["fraud_probability"], abs=1e-5
    )


def test_a_question_too_many_is_refused_at_once_and_counted(api: Api) -> None:
    """503 with Retry-After; as soon as there is room again it is answered."""
    full = Api(api.models, questions_max=1)

    async def together() -> list[httpx.Response]:
        transport = httpx.ASGITransport(full.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            asked = [client.post("/predict", json=EXAMPLE) for _ in range(3)]
            return await asyncio.gather(*asked)

    answers = asyncio.run(together())
    assert sorted(one.status_code for one in answers) == [200, 503, 503]
    refused = next(one for one in answers if one.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert full.count("shop_api_shed_total") == 2
    assert full.request("POST", "/predict", json=EXAMPLE).status_code == 200


def test_models_tells_what_is_loaded(api: Api) -> None:
    """Version, window, thresholds and for whom it decides."""
    fraud, recommendation = api.request("GET", "/models").json()["models"]
    assert (fraud["name"], fraud["version"], fraud["feature_service"]) == ("fraud", "v1", "fraud_v1")
    assert fraud["trained_on"] == {"start": "2026-01-01T00:00:00+00:00", "end": "2026-02-01T00:00:00+00:00"}
    assert fraud["thresholds"] == {"medium": 0.3, "high": 0.7}
    assert (fraud["arms"], fraud["shadow"]) == (["champion"], False)
    assert recommendation["thresholds"] is None


def test_models_tells_who_overruled_the_checks_of_a_version(api: Api, models: Models) -> None:
    """Also when it was loaded before."""
    assert [sheet["overruled"] for sheet in api.request("GET", "/models").json()["models"]] == [[], []]
    when = datetime(2026, 2, 3, tzinfo=UTC)
    override = Override(by="ada@desk", reason="a sale", time=when, failed={"calibration": "mean error 0.2"})
    keep_override(override, models[0].folder)
    fraud, _ = api.request("GET", "/models").json()["models"]
    assert fraud["overruled"] == [
        {
            "by": "ada@desk",
            "reason": "a sale",
            "time": "2026-02-03T00:00:00+00:00",
            "failed": {"calibration": "mean error 0.2"},
        }
    ]


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("PREDICTION", Prediction),
        ("PREDICTIONS", Predictions),
        ("RECOMMENDATIONS", Recommendations),
        ("MODELS", ModelSheets),
        ("HEALTH", Health),
        ("READY", Readiness),
        ("NOT_READY", Readiness),
    ],
)
def test_the_examples_of_the_document_are_answers(name: str, schema: Any) -> None:
    """Whole ones: no field is left to a default, none is unknown."""
    example = getattr(examples, name)
    answer = TypeAdapter(schema).validate_python(example)
    assert json.loads(orjson.dumps(answer)) == example


def test_the_openapi_document_has_no_reference_to_nowhere(api: Api) -> None:
    """And an example of each answer, and its headers."""
    document = api.request("GET", "/openapi.json").json()
    for reference in re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for told in operation["responses"].values():
                (media,) = told["content"].values()
                assert "example" in media, path
                assert told["headers"]["X-Request-ID"]["required"]


STRANGE_BODIES = [
    b"",
    b"\x00",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b'{"user_id": "\\ud800", "product_id": "p", "transaction_amount": 1}',
    b'{"user_id": "\\u0000", "product_id": "p", "transaction_amount": 1}',
    b'{"user_id": "u", "product_id": "p", "transaction_amount": 1e400}',
    b'{"user_id": "u", "product_id": "p", "transaction_amount": -' + b"9" * 400 + b"}",
    b'{"user_id": ' + b"9" * 700 + b', "product_id": 5, "transaction_amount": 1}',
    b'{"user_id": "u", "product_id": "p", "transaction_amount": 1, "\\u0000": 1}',
    b'{"user_id": "u", "product_id": "p", "transaction_amount": 1, "context": {"a": '
    + b"[" * 300
    + b"]" * 300
    + b"}}",
    b'{"user_id": "u", "product_id": "p", "transaction_amount": 1, "context": {"time": 1e300}}',
    b'{"user_id": "u", "product_id": "p", "transaction_amount": 1, "context": {"time": "0001-01-01T00:00:00+23:59"}}',
    b'{"user_id": "u", "product_id": "p", "transaction_amount": 1, "context": {"time": "9999-12-31T23:59:59-23:59"}}',
    b"\xff\xfe{}",
]


@pytest.mark.parametrize("body", STRANGE_BODIES, ids=range(len(STRANGE_BODIES)))
def test_no_body_however_strange_is_an_error_of_the_server(api: Api, body: bytes) -> None:
    """Answered, or refused with a reason."""
    for path, content in (("/predict", body), ("/predict/batch", b'{"orders": [' + body + b"]}")):
        answer = api.request("POST", path, content=content)
        assert answer.status_code in {200, 400, 422}, answer.text
        assert answer.headers["content-type"] == (
            "application/json" if answer.status_code == 200 else "application/problem+json"
        )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/predict", 405),
        ("OPTIONS", "/predict", 405),
        ("TRACE", "/predict/batch", 405),
        ("DELETE", "/models", 405),
        ("GET", "/recommendations/%00", 200),
        ("GET", "/recommendations/%ED%A0%80", 200),
        ("GET", "/recommendations/%F0%9F%92%A9", 200),
        ("GET", "/recommendations/..%2f..%2fpasswd", 404),
        ("GET", "/recommendations/", 404),
        ("GET", "/recommendations/" + "u" * 65, 422),
        ("GET", "/recommendations/u?k=" + "9" * 5000, 422),
        ("GET", "/recommendations/u?k=%00", 422),
        ("GET", "/recommendations/u?k=1&k=2", 200),
        ("GET", "/recommendations/u?unknown=1", 200),
        ("POST", "/predict?explain=perhaps", 422),
        ("GET", "//", 404),
        ("GET", "/%ff%fe", 404),
    ],
)
def test_odd_paths_queries_and_methods_are_answered_with_their_status(
    api: Api, method: str, path: str, status: int
) -> None:
    """405 says which methods there are."""
    answer = api.request(method, path, json=EXAMPLE if method == "POST" else None)
    assert answer.status_code == status
    if status == 405:
        assert answer.headers["allow"]
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/vnd.shop+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_a_body_that_is_said_not_to_be_json_is_refused(api: Api, media: str, status: int) -> None:
    """415, whatever it holds."""
    for path, content in (("/predict", EXAMPLE), ("/predict/batch", {"orders": [EXAMPLE]})):
        answer = api.request("POST", path, content=orjson.dumps(content), headers={"Content-Type": media})
        assert answer.status_code == status


def test_a_host_that_is_no_address_does_not_break_an_error(api: Api) -> None:
    """404 as for any other."""
    assert api.request("GET", "/nowhere", headers={"Host": "["}).status_code == 404
