import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.requests import EXAMPLE
from tests.api_process import RunningApi, running_api, wait_until
from tests.integration.serving.metrics import sample
from tests.services import RunningRedis
from tests.serving_shop import BOUGHT, BUYER, OUT_OF_STOCK, ServingShop, serving_shop


def test_an_order_is_predicted(api: RunningApi) -> None:
    """Two probabilities, a level, both versions."""
    answer = api.predict(user_id="user_0004", context={"device_id": "dev_0004", "session_id": "s"})
    said = answer.json()
    assert answer.status_code == 200
    assert said["user_id"] == "user_0004"
    assert 0 <= said["fraud_probability"] <= 1
    assert 0 <= said["recommendation_score"] <= 1
    assert said["risk_level"] in {"LOW", "MEDIUM", "HIGH"}
    assert said["model_version"] == "fraud@v1,recommendation@v1"
    assert said["inference_time_ms"] > 0


def test_a_user_and_a_product_never_seen_are_no_error(api: RunningApi) -> None:
    """Their windows are empty."""
    assert api.predict(user_id="nobody", product_id="nothing").status_code == 200


def test_the_example_of_the_documentation_works(api: RunningApi) -> None:
    """As it stands in the OpenAPI document."""
    assert httpx.post(f"{api.url}/predict", json=EXAMPLE, timeout=10).status_code == 200


def test_recommendations_leave_out_what_is_out_of_stock(api: RunningApi) -> None:
    """user_0002 looked at prod_0002, whose next neighbour is out of stock."""
    products = [
        one["product_id"] for one in api.get("/recommendations/user_0002?k=50").json()["recommendations"]
    ]
    assert {"prod_0002", "prod_0004"} <= set(products)
    assert OUT_OF_STOCK not in products
    assert len(products) == len(set(products))


def test_recommendations_leave_out_what_the_customer_bought(api: RunningApi) -> None:
    """Others are shown it."""
    shown = {
        user: [
            one["product_id"] for one in api.get(f"/recommendations/{user}?k=50").json()["recommendations"]
        ]
        for user in (BUYER, "user_0006")
    }
    assert shown[BUYER]
    assert BOUGHT not in shown[BUYER]
    assert BOUGHT in shown["user_0006"]


def test_a_customer_never_seen_is_recommended_popular_products(api: RunningApi, shop: ServingShop) -> None:
    """The first ten but the one out of stock."""
    answer = api.get("/recommendations/nobody?k=50").json()["recommendations"]
    assert {one["product_id"] for one in answer} == {*shop.products[:10]} - {OUT_OF_STOCK}


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(api: RunningApi) -> None:
    """413, not memory."""
    answer = httpx.post(f"{api.url}/predict", content=b"{" + b" " * 10_000_000 + b"}", timeout=10)
    assert answer.status_code == 413


def test_metrics_count_what_was_answered(api: RunningApi) -> None:
    """Predictions by level sum up to the answers with 200; the warm-up is not among them."""
    api.predict()
    samples = [
        s for family in text_string_to_metric_families(api.get("/metrics").text) for s in family.samples
    ]
    answered = sum(
        s.value
        for s in samples
        if s.name == "shop_api_request_seconds_count"
        and (s.labels["route"], s.labels["status"]) == ("/predict", "200")
    )
    assert answered == sum(s.value for s in samples if s.name == "shop_api_predictions_total") > 0
    assert {s.labels["model"]: s.labels["version"] for s in samples if s.name == "shop_api_model_info"} == {
        "fraud": "v1",
        "recommendation": "v1",
    }
    read = {s.labels["view"]: s.value for s in samples if s.name == "shop_api_views_read_total"}
    assert read["user_orders"] >= answered


def test_a_request_under_way_is_answered_before_the_end(shop: ServingShop, tmp_path: Path) -> None:
    """SIGTERM in the middle of a body: the rest is awaited, answered, and the exit status is 0."""
    with running_api(shop, tmp_path) as api:
        port = int(api.url.rpartition(":")[2])
        body = b'{"user_id": "u", "product_id": "p", "transaction_amount": 1}'
        head = b"POST /predict HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head + body[:10])
            wait_until(lambda: api.get("/health").status_code == 200, "the API took the connection")
            ended: list[int] = []
            stopping = threading.Thread(target=lambda: ended.append(api.stop()))
            stopping.start()
            wait_until(lambda: "Shutting down" in api.log.read_text(), "the API is stopping")
            client.sendall(body[10:])
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        stopping.join()
    assert ended == [0]


def test_without_redis_answers_are_degraded_and_whole_again_when_it_is_back(
    own_redis: RunningRedis, tmp_path: Path
) -> None:
    """The process lives through it; /ready says which server is away.

    answers live ─── Redis killed ─── remembered / rules ─── restarted ─── live
    """
    shop = serving_shop(tmp_path / "shop", own_redis.address, project="outage")
    with running_api(shop, tmp_path) as api:
        before = api.predict().json()
        own_redis.kill()
        wait_until(lambda: api.predict().json()["degraded"] == "remembered", "the breaker is open")
        remembered, unknown = api.predict().json(), api.predict(user_id="u", product_id="p").json()
        assert remembered["fraud_probability"] == pytest.approx(before["fraud_probability"], abs=0.05)
        assert {view["rung"] for view in unknown["views"].values()} == {"typical", "remembered"}
        assert unknown["degraded"] == "typical"
        wait_until(lambda: own_redis.address in _redis_check(api)["reason"], "a probe has found out why")
        assert api.get("/ready").status_code == 200
        assert api.get("/recommendations/nobody").json()["degraded"] == "rules"
        own_redis.restart()
        wait_until(lambda: api.predict().json()["degraded"] is None, "live answers after the return of Redis")
        assert _redis_check(api)["ok"]
        assert sample(api, "shop_api_answers_total", rung="remembered") >= 2
        assert sample(api, "shop_api_breaker_state", state="closed") == 1


def _redis_check(api: RunningApi) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/ready").json()["checks"]["redis"]
    return found
