"""The platform as its users meet it: a shop with a history opens, somebody orders, and predictions follow."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pytest
from confluent_kafka import Producer
from feast import FeatureStore
from rich.console import Console

from infra import bootstrap
from infra.fill import FEAST, python
from infra.live import all_archived
from infra.parity import compare
from infra.platform import Platform
from infra.services.ports import free_port
from infra.settings import InfraSettings
from infra.steps import Steps
from tests.api_process import wait_until
from tests.erasing import traces_in_files

PATIENCE_SECONDS = 60.0
Value = TypeVar("Value")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A small shop with 40 days behind it, two trained models, everything running."""
    root = tmp_path_factory.mktemp("shop")
    names = (
        "redis_port",
        "kafka_port",
        "api_port",
        "stream_metrics_port",
        "predictions_metrics_port",
        "erase_metrics_port",
        "quality_metrics_port",
    )
    ports = {name: free_port() for name in names}
    shop = Platform(InfraSettings(data_dir=root, start_timeout_seconds=120, **ports))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_ERASE_GRACE_SECONDS", "1")
        patch.setenv("SHOP_STREAM_REFRESH_SECONDS", "2")
        try:
            shop.start_services()
            shop.create_topics()
            steps = Steps(bootstrap.STEPS, root / "logs", shop.environment(), Console(quiet=True))
            with steps.shown():
                bootstrap.bootstrap(shop, steps, days=40, scale=0.4)
            yield shop
        finally:
            shop.stop()


def post(platform: Platform, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://{platform.api.address}/predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.load(answer))


def get(platform: Platform, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{platform.api.address}{path}", timeout=10) as answer:
        return dict(json.load(answer))


def send(platform: Platform, topic: str, *messages: dict[str, Any] | bytes) -> None:
    producer = Producer({"bootstrap.servers": platform.kafka.address, "linger.ms": 0})
    for message in messages:
        value = message if isinstance(message, bytes) else json.dumps(message).encode()
        key = "story" if isinstance(message, bytes) else message["user_id"]
        producer.produce(topic, value, key)
    assert producer.flush(10) == 0


def eventually(read: Callable[[], Value], wanted: Callable[[Value], bool]) -> Value:
    """The first value that is wanted; the last one where none came in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not wanted(value := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def order(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "order_id": f"story_{number}",
        "event_timestamp": datetime.now(UTC).isoformat(),
        "user_id": "user_story",
        "product_id": "prod_0001",
        "device_id": "device_story",
        "category": "books",
        "amount": 25.0,
        "quantity": 1,
    } | changes


QUESTION = {
    "user_id": "user_story",
    "product_id": "prod_0001",
    "transaction_amount": 900.0,
    "context": {"session_id": "sess_1", "device_id": "device_story"},
}


def test_an_order_is_placed_and_the_next_prediction_changes(platform: Platform) -> None:
    """Somebody never seen asks; orders; asks the same again and gets another answer."""
    before = post(platform, QUESTION)
    assert before["risk_level"] in {"LOW", "MEDIUM", "HIGH"}
    assert post(platform, QUESTION)["fraud_probability"] == before["fraud_probability"]
    send(platform, "orders", *(order(number) for number in range(4)))
    after = eventually(
        lambda: post(platform, QUESTION), lambda a: a["fraud_probability"] != before["fraud_probability"]
    )
    assert after["fraud_probability"] != before["fraud_probability"]


def test_a_look_at_a_product_changes_what_is_recommended(platform: Platform) -> None:
    """A visitor gets what is popular; after looking at a product, the list follows."""
    popular = [
        r["product_id"] for r in get(platform, "/recommendations/user_visitor?k=10")["recommendations"]
    ]
    assert len(popular) == 10
    view = {
        "view_id": "story_view",
        "event_timestamp": datetime.now(UTC).isoformat(),
        "user_id": "user_visitor",
        "product_id": "prod_0123",
        "category": "books",
        "cart_quantity": 1,
    }
    send(platform, "page_views", view)
    followed = eventually(
        lambda: [
            r["product_id"] for r in get(platform, "/recommendations/user_visitor?k=10")["recommendations"]
        ],
        lambda products: products != popular,
    )
    assert followed != popular


def test_an_answer_is_logged_archived_and_computed_again(platform: Platform) -> None:
    """From the id that the answer names, to the bit."""
    answer = post(platform, QUESTION)
    outcome = all_archived(platform.api.up(), platform.predictions.up())
    assert (outcome.archived, outcome.unlogged) == (outcome.logged, 0)
    assert "equal" in run(platform, python("serving.replay", answer["request_id"]))


@pytest.fixture(scope="module")
def store(platform: Platform) -> FeatureStore:
    return FeatureStore(
        repo_path=str(platform.settings.feature_repo),
        fs_yaml_file=platform.settings.data_dir / "feature_store.yaml",
    )


def test_a_broken_message_is_put_aside_with_its_reason(platform: Platform, store: FeatureStore) -> None:
    """It stops nothing, and the operator can list it."""
    send(platform, "orders", b'{"order_id": ', order(100, amount=-1.0), order(101, user_id="user_after"))
    listed = eventually(lambda: dead_letters(platform), lambda text: text.count("orders") >= 2)
    assert {"malformed_json", "out_of_range"} <= set(listed.split())
    assert "amount" in run(platform, python("ingestion.deadletters", "show", "--kind", "out_of_range"))
    count = eventually(
        lambda: store.get_online_features(
            ["user_orders:user_orders_count_1h"], [{"user_id": "user_after"}]
        ).to_dict()["user_orders_count_1h"],
        lambda counts: counts == [1],
    )
    assert count == [1]


def dead_letters(platform: Platform) -> str:
    return run(platform, python("ingestion.deadletters", "list"))


def run(platform: Platform, command: list[str]) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **platform.environment(), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_served_equals_history(platform: Platform, store: FeatureStore) -> None:
    """Every feature of both services, for people who ordered just now, before, and never."""
    rows = [
        {
            "user_id": user,
            "product_id": product,
            "device_id": device,
            "transaction_amount": 42.0,
            "request_seconds": int(time.time()),
            "request_device_id": device,
        }
        for user in ("user_story", "user_visitor", "user_00001", "user_never")
        for product in ("prod_0001", "prod_0123")
        for device in ("device_story", "device_never")
    ]
    await_archive(platform)
    for service in ("fraud_v1", "recommendation_v1"):
        parity = compare(store, service, rows)
        assert parity.differences == ()
        assert parity.complete


def await_archive(platform: Platform) -> None:
    """Until the live events of the other tests are on disk: those behind which this order was sent."""
    send(platform, "orders", order(900, user_id="user_last", product_id="prod_0900", device_id="device_last"))
    archive = platform.settings.data_dir / "archive"
    last = lambda: [p for p in archive.glob("orders/*/*.parquet") if b"story_900" in p.read_bytes()]  # noqa: E731
    assert eventually(last, bool)


def test_stock_feast_commands_work_on_the_running_platform(platform: Platform) -> None:
    """Plan says that nothing changed; an incremental materialization runs beside the stream."""
    repo = str(platform.settings.feature_repo)
    run(platform, [FEAST, "-c", repo, "plan"])
    run(platform, [FEAST, "-c", repo, "materialize-incremental", datetime.now(UTC).strftime("%FT%T")])


def test_up_and_down_may_be_repeated(platform: Platform) -> None:
    """What an up found running the next one leaves as it is; the quality watch comes up with the first."""
    platform.up()
    pids = [service.supervisor.pid(service.name) for service in platform.services]
    platform.up()
    assert [service.supervisor.pid(service.name) for service in platform.services] == pids
    assert Path(platform.settings.services_dir / "redis.addr").read_text() == platform.redis.address


def test_somebody_is_erased_everywhere(platform: Platform) -> None:
    """A customer with a history: nothing of them is in archive, tables, predictions and snapshots when the receipt is done."""
    root = platform.settings.data_dir
    orders = pl.scan_parquet(root / "archive/orders/date=*/*.parquet", hive_partitioning=False)
    gone = str(orders.group_by("user_id").len().sort("len", "user_id").collect()["user_id"][-1])
    kept = [root / folder for folder in ("archive", "tables", "predictions", "snapshots")]
    post(platform, {"user_id": gone, "product_id": "prod_0001", "transaction_amount": 10.0})
    assert traces_in_files(root / "archive", gone)
    request = urllib.request.Request(f"http://{platform.api.address}/users/{gone}", method="DELETE")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
        receipt = json.load(answer)["receipt"]
    wait_until(lambda: get(platform, f"/erasures/{receipt}")["state"] == "done", "the receipt", 180)
    told = get(platform, f"/erasures/{receipt}")
    assert told["places"]["archive"]["removed"] > 0
    assert told["places"]["tables"]["removed"] > 0
    assert {r["place"] for r in told["remains"]} >= {"topic orders", "topic predictions"}
    assert [trace for folder in kept for trace in traces_in_files(folder, gone)] == []
