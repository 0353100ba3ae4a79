"""`DELETE /users/{user_id}` between a real broker and a real Redis."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, Producer

from ingestion.erasures.receipt import Receipt, Request, begun
from ingestion.stream.whole import whole
from serving.access.key_file import write
from serving.access.keys import issue
from tests.api_process import RunningApi, running_api, wait_until
from tests.erasing import traces_in_redis
from tests.services import RunningKafka, RunningRedis, running_redis
from tests.serving_shop import serving_shop

GONE = "user_0007"
OTHER = "user_0008"


@dataclass(frozen=True)
class Guarded:
    """Two processes of the API that ask for keys, over a Redis that may be killed."""

    api: RunningApi
    redis: RunningRedis
    bootstrap: str
    topics: tuple[str, str]
    admin: str
    front: str

    def ask(self, method: str, path: str, key: str | None) -> httpx.Response:
        headers = {} if key is None else {"X-API-Key": key}
        return httpx.request(method, self.api.url + path, headers=headers, timeout=30)

    def rungs(self, user: str) -> set[str]:
        """Rungs of views of the user in one answer."""
        order = {"user_id": user, "product_id": "prod_0002", "transaction_amount": 20.0}
        answer = httpx.post(
            f"{self.api.url}/predict", json=order, headers={"X-API-Key": self.front}, timeout=10
        )
        views = answer.raise_for_status().json()["views"]
        return {views[view]["rung"] for view in ("user_orders", "user_profile", "user_views")}

    def requests(self) -> list[Request]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"test-{time.time_ns()}"})
        try:
            sent = list(whole(consumer, self.topics[0], 10))
        finally:
            consumer.close()
        return [msgspec.json.decode(message.value(), type=Request) for message in sent]

    def tell(self, receipt: Receipt) -> None:
        """As the program that erases does."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        producer.produce(self.topics[1], msgspec.json.encode(receipt), receipt.receipt)
        assert producer.flush(10) == 0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, kafka_broker: RunningKafka) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("erasures")
    (admin, first), (front, second) = issue("boss", ["admin"]), issue("front", ["predict"])
    write(folder / "keys", [first, second])
    topics = (f"erasures_{time.time_ns()}", f"receipts_{time.time_ns()}")
    with running_redis(folder / "redis") as redis:
        shop = serving_shop(folder / "shop", redis.address, project="erasures")
        settings = {
            "SHOP_API_KEYS_FILE": folder / "keys",
            "SHOP_API_WORKERS": 2,
            "SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap,
            "SHOP_PREDICTIONS_TOPIC": kafka_broker.topic("predictions"),
            "SHOP_ERASURES_TOPIC": topics[0],
            "SHOP_ERASURE_RECEIPTS_TOPIC": topics[1],
        }
        with running_api(shop, folder, **settings) as api:
            yield Guarded(api, redis, kafka_broker.bootstrap, topics, admin, front)


def test_only_administrators_may(guarded: Guarded) -> None:
    """401 without a key, 403 with one for predictions; nothing is asked for and nothing deleted."""
    for method, path in (("DELETE", f"/users/{GONE}"), ("GET", "/erasures/r1")):
        assert [guarded.ask(method, path, key).status_code for key in (None, guarded.front)] == [401, 403]
    assert guarded.ask("GET", "/erasures/r1", guarded.admin).status_code == 404
    assert guarded.requests() == []
    assert traces_in_redis(guarded.redis, GONE, "erasures")


def test_somebody_is_gone_at_once_and_a_receipt_tells_what_follows(guarded: Guarded) -> None:
    """From Redis and from the memory of both processes; others stay. A repeated request is another receipt."""
    for _ in range(20):
        assert guarded.rungs(GONE) | guarded.rungs(OTHER) == {"live"}
    before = {key: guarded_row(guarded, key) for key in traces_in_redis(guarded.redis, OTHER, "erasures")}
    answers = [guarded.ask("DELETE", f"/users/{GONE}", guarded.admin) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert traces_in_redis(guarded.redis, GONE, "erasures") == []
    assert {key: guarded_row(guarded, key) for key in before} == before

    first, second = (answer.json() for answer in answers)
    assert first["receipt"] != second["receipt"]
    assert GONE not in answers[0].text
    asked = guarded.requests()
    assert [(r.user_id, r.receipt) for r in asked] == [(GONE, first["receipt"]), (GONE, second["receipt"])]
    assert answers[0].headers["Location"] == f"/erasures/{first['receipt']}"
    assert known(guarded, first["receipt"])["state"] == "requested"
    receipt = begun(asked[0])
    assert msgspec.to_builtins(receipt.person) == first["person"]
    assert set(receipt.places) == set(first["places"])
    receipt.state = "done"
    guarded.tell(receipt)
    wait_until(lambda: known(guarded, first["receipt"])["state"] == "done", "the receipt in this process")

    guarded.redis.kill()
    try:
        rungs = [(guarded.rungs(GONE), guarded.rungs(OTHER)) for _ in range(20)]
    finally:
        guarded.redis.restart()
    assert {rung for gone, _ in rungs for rung in gone} == {"typical"}
    assert "remembered" in {rung for _, other in rungs for rung in other}


def test_a_broker_that_is_away_has_taken_nothing(
    tmp_path: Path, redis_server: RunningRedis, shop: Any
) -> None:
    """503 as a problem, and Redis still has everything; an open API on loopback asks for no key."""
    settings = {"SHOP_KAFKA_BOOTSTRAP": "127.0.0.1:9", "SHOP_ERASURES_TIMEOUT_SECONDS": 1}
    with running_api(shop, tmp_path, **settings) as api:
        answer = httpx.delete(f"{api.url}/users/{GONE}", timeout=20)
        assert (answer.status_code, answer.json()["title"]) == (503, "Erasures cannot be asked for now")
        assert traces_in_redis(redis_server, GONE, "serving_shop")
        document = api.get("/openapi.json").json()["paths"]
        assert set(document["/users/{user_id}"]["delete"]["responses"]) >= {"202", "422", "503"}
        assert api.stop() == 0


def known(guarded: Guarded, receipt: str) -> dict[str, Any]:
    """As either process tells it."""
    answer = guarded.ask("GET", f"/erasures/{receipt}", guarded.admin)
    return dict(answer.json()) if answer.status_code == 200 else {"state": "unknown"}


def guarded_row(guarded: Guarded, key: bytes) -> dict[bytes, bytes]:
    with guarded.redis.client() as client:
        return dict(client.hgetall(key))
