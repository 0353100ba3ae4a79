"""The way of a prediction: answered, logged, archived, computed again; with a real broker that goes away."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import polars as pl
import pytest

from infra.services.ports import free_port
from ingestion.archive import Archive
from serving import replay
from tests.api_process import RunningApi, running_api, wait_until
from tests.prediction_keeper import archived, running_keeper
from tests.services import RunningKafka
from tests.serving_shop import ServingShop

SECONDS = 120.0
ORDER = {"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.0}


def ask(api: RunningApi, request_id: str, path: str = "/predict", body: Any = ORDER) -> httpx.Response:
    headers = {"X-Request-ID": request_id}
    if body is None:
        return httpx.get(api.url + path, headers=headers, timeout=10)
    return httpx.post(api.url + path, json=body, headers=headers, timeout=10)


def outcomes(api: RunningApi) -> dict[str, float]:
    """Log records by what became of them, and those that wait in any worker."""
    text = api.get("/metrics").text
    counted = re.findall(r'shop_api_predictions_logged_total\{outcome="(\w+)"\} (\S+)', text)
    waiting = re.findall(r"^shop_api_predictions_unlogged(?:\{.*\})? (\S+)", text, re.MULTILINE)
    return {**{name: float(value) for name, value in counted}, "waiting": sum(map(float, waiting))}


@contextmanager
def load(api: RunningApi) -> Iterator[Counter[int]]:
    """Requests ``load-0``, ``load-1``, … one after the other until the end; their statuses."""
    statuses: Counter[int] = Counter()
    stop = Event()

    def run() -> None:
        while not stop.wait(0.005):
            statuses[ask(api, f"load-{statuses.total()}").status_code] += 1

    thread = Thread(target=run)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def test_everything_logged_is_archived_once_though_broker_and_archive_are_killed(
    shop: ServingShop, own_kafka: RunningKafka, tmp_path: Path
) -> None:
    """The API answers throughout; what waits for the broker is sent when it is back.

    ::

        answers   ─────────────────────────────────────
        broker    ────────x killed      ╭──────────────
        archive   ──────────────x killed      ╭────────
    """
    log = {"SHOP_KAFKA_BOOTSTRAP": own_kafka.bootstrap}
    with running_api(shop, tmp_path, **log) as api:
        with load(api) as statuses:
            with running_keeper(tmp_path, own_kafka.bootstrap, "predictions") as keeper:
                wait_until(lambda: archived(tmp_path, "request_id").height, "something archived", SECONDS)
                own_kafka.kill()
                killed_at = statuses.total()
                wait_until(lambda: statuses.total() > killed_at + 100, "answers without a broker", SECONDS)
                keeper.kill()
            own_kafka.restart()
            restarted_at = statuses.total()
            wait_until(lambda: statuses.total() > restarted_at + 100, "answers with a broker", SECONDS)
        with running_keeper(tmp_path, own_kafka.bootstrap, "predictions") as keeper:
            wait_until(lambda: outcomes(api)["waiting"] == 0, "everything acknowledged", SECONDS)
            asked = statuses.total()
            assert statuses == {200: asked}
            assert outcomes(api) == {"acknowledged": asked, "shed": 0, "failed": 0, "waiting": 0}
            wait_until(lambda: archived(tmp_path, "request_id").height >= asked, "all archived", SECONDS)
            assert api.stop() == 0
            assert keeper.stop() == 0
    ids = Counter(archived(tmp_path, "request_id")["request_id"].to_list())
    assert ids == Counter(f"load-{number}" for number in range(asked))


def test_what_waits_at_the_end_is_sent(shop: ServingShop, kafka_broker: RunningKafka, tmp_path: Path) -> None:
    """SIGTERM directly behind the answers."""
    topic = kafka_broker.topic("predictions")
    log = {"SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap, "SHOP_PREDICTIONS_TOPIC": topic}
    with running_api(shop, tmp_path, **log) as api:
        for number in range(20):
            assert ask(api, f"end-{number}").status_code == 200
        assert api.stop() == 0
    assert len(kafka_broker.read(topic, 20)) == 20


def test_every_worker_logs_what_it_answers(
    shop: ServingShop, kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """Two processes on one socket; their counts add up, and both send what waits at the end."""
    topic = kafka_broker.topic("predictions")
    log = {"SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap, "SHOP_PREDICTIONS_TOPIC": topic}
    with running_api(shop, tmp_path, SHOP_API_WORKERS=2, **log) as api:
        for number in range(40):
            assert ask(api, f"worker-{number}").status_code == 200
        wait_until(lambda: outcomes(api)["acknowledged"] == 40, "all are acknowledged", SECONDS)
        for number in range(40, 60):
            assert ask(api, f"worker-{number}").status_code == 200
        assert api.stop() == 0
    keys = Counter(message.key() for message in kafka_broker.read(topic, 60))
    assert keys == {b"user_0001": 60}


def test_the_topic_is_made_where_it_is_absent(
    shop: ServingShop, kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """With as many partitions as the settings say."""
    topic = kafka_broker.topic("unused") + "_predictions"
    log = {"SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap, "SHOP_PREDICTIONS_TOPIC": topic}
    with running_api(shop, tmp_path, SHOP_TOPIC_PARTITIONS=3, **log) as api:
        assert ask(api, "first").status_code == 200
        wait_until(lambda: outcomes(api)["acknowledged"] == 1, "it is acknowledged", SECONDS)
    with kafka_broker.consumer(topic) as consumer:
        assert len(consumer.list_topics(topic).topics[topic].partitions) == 3


def test_without_a_broker_the_buffer_is_bounded(shop: ServingShop, tmp_path: Path) -> None:
    """Ten wait, the others are shed and counted; every request is answered, and the end is not held up."""
    log = {
        "SHOP_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}",
        "SHOP_PREDICTIONS_WAITING_MAX": 10,
        "SHOP_STOP_TIMEOUT_SECONDS": 1,
    }
    with running_api(shop, tmp_path, **log) as api:
        assert {ask(api, f"r{number}").status_code for number in range(30)} == {200}
        wait_until(lambda: outcomes(api)["waiting"] == 10, "ten wait", SECONDS)
        assert outcomes(api)["shed"] == 20
        started = time.monotonic()
        assert api.stop() == 0
        assert time.monotonic() - started < 10
    assert "10 predictions were not logged" in (tmp_path / "api.log").read_text()


@pytest.fixture(scope="module")
def logged(shop: ServingShop, kafka_broker: RunningKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the predictions of ``one``, ``many`` (three of a batch) and ``ranked``."""
    data, topic = tmp_path_factory.mktemp("logged"), kafka_broker.topic("predictions")
    log = {"SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap, "SHOP_PREDICTIONS_TOPIC": topic}
    with running_api(shop, data, **log) as api, running_keeper(data, kafka_broker.bootstrap, topic) as keeper:
        assert ask(api, "one").status_code == 200
        ranked = ask(api, "ranked", "/recommendations/user_0003?k=5", None).json()["recommendations"]
        batch = [ORDER | {"user_id": f"user_{number:04}"} for number in (1, 7, 999)]
        assert ask(api, "many", "/predict/batch", {"orders": batch}).status_code == 200
        wanted = 1 + len(ranked) + len(batch)
        wait_until(lambda: archived(data, "request_id").height >= wanted, "all archived", SECONDS)
        assert keeper.stop() == 0
    return data


@pytest.fixture
def settings(shop: ServingShop, logged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's own, from the environment."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(logged))
    monkeypatch.setenv("SHOP_MODELS_DIR", str(shop.models))


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("request_id", ["one", "many", "ranked"])
def test_a_logged_prediction_is_computed_again_bit_for_bit(
    request_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores from the logged inputs, inputs from the logged features."""
    assert replay.main([request_id]) == replay.EQUAL
    assert "differs" not in capsys.readouterr().out


@pytest.mark.usefixtures("settings")
def test_a_record_is_found_by_its_time(capsys: pytest.CaptureFixture[str], logged: Path) -> None:
    """Days that are not asked for are not opened."""
    (row,) = archived(logged, "request_id", "event_timestamp").filter(request_id="one").to_dicts()
    assert replay.main(["one", "--time", row["event_timestamp"].isoformat()]) == replay.EQUAL
    assert replay.main(["one", "--time", "2020-01-01"]) == replay.NOT_FOUND
    assert "no predictions are archived" in capsys.readouterr().err


@pytest.mark.usefixtures("settings")
def test_an_unknown_request_says_how_to_find_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """It names some that are there."""
    assert replay.main(["nobody"]) == replay.NOT_FOUND
    message = capsys.readouterr().err
    assert "X-Request-ID" in message
    assert "one" in message


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("changed", ["features", "inputs", "probability"])
def test_what_differs_is_told(
    changed: str, logged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record in which one number was changed by the least that float32 can tell."""
    (row,) = Archive.at(logged / "predictions").scan(None, None).filter(request_id="one").collect().to_dicts()
    score = row["scores"][0]
    if changed == "features":
        name, value = next((f["name"], f["number"]) for f in row["features"] if f["number"])
        row["features"] = [f | {"number": -value} if f["name"] == name else f for f in row["features"]]
    elif changed == "inputs":
        score["inputs"] = [(score["inputs"][0] or 0.0) + 1.0, *score["inputs"][1:]]
    else:
        score["probability"] *= 1 + 2**-22
    schema = Archive.at(logged / "predictions").scan(None, None).collect_schema()
    Archive.at(tmp_path / "changed").write(pl.DataFrame([row], schema=schema))
    assert replay.main(["one", "--archive", str(tmp_path / "changed")]) == replay.DIFFERENT
    assert "differs" in capsys.readouterr().out


@pytest.mark.usefixtures("settings")
def test_a_model_that_is_gone_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its version was deleted."""
    monkeypatch.setenv("SHOP_MODELS_DIR", str(tmp_path))
    assert replay.main(["one"]) == replay.NOT_FOUND
    assert "fraud" in capsys.readouterr().err
