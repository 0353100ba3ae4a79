"""Every program that makes a Kafka client, against a broker that wants TLS and a login."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from connections.kafka import Kafka
from infra import topics
from ingestion import deadletters
from ingestion.erasures.desk import Desk
from ingestion.erasures.receipt import Request
from ingestion.erasures.settings import EraseSettings
from ingestion.events.outbox import Outbox
from ingestion.events.settings import EventSettings, NoBrokerError
from serving.erasures.known import KnownErasures
from serving.erasures.topics import ErasureTopics
from serving.journal import open_journal
from serving.settings import ServingSettings
from tests.integration.ingestion.stream.stream_shop import StreamShop, orders
from tests.integration.ingestion.stream.test_worker import RUBBISH, assert_archived_once, wait_until_served
from tests.integration.ingestion.stream.worker_process import running_worker, wait_for
from tests.secured import PASSWORD, SecuredKafka, secured_kafka
from tests.services import RunningRedis
from tests.unit.serving.arms.shop import served


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture
def secured(kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SecuredKafka:
    """The broker, and an environment that says how it is reached."""
    for name, value in kafka.environment(SHOP_DATA_DIR=str(tmp_path)).items():
        monkeypatch.setenv(name, value)
    return kafka


def kafka_of(settings: EventSettings | EraseSettings | ServingSettings) -> Kafka:
    known = settings.known_kafka()
    assert known is not None
    return known


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_worker_and_the_dead_letters_log_in_over_tls(
    kafka: SecuredKafka,
    redis_server: RunningRedis,
    mechanism: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What comes in is served and archived, rubbish is kept; nobody logs the password."""
    shop = StreamShop(tmp_path / "shop", kafka.open.bootstrap, redis_server.address)
    shop.apply()
    login = kafka.environment(SHOP_KAFKA_SASL_MECHANISM=mechanism)
    environment = {**shop.environment(), **login}
    sent = orders(60)
    with running_worker(environment, tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send([*sent, *RUBBISH])
        wait_until_served(shop, sent)
        assert worker.stop() == 0, worker.log.read_text()
    assert_archived_once(shop, sent)
    assert PASSWORD not in worker.log.read_text()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert deadletters.main(["list"]) == 0
    assert "5 dead letters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SHOP_KAFKA_PASSWORD": "another"}, "uthentication failed"),
        ({"SHOP_KAFKA_CA_FILE": ""}, "certificate"),
        ({"SHOP_KAFKA_PROTOCOL": "SSL", "SHOP_KAFKA_USERNAME": "", "SHOP_KAFKA_PASSWORD": ""}, ""),
    ],
    ids=["password", "authority", "no login"],
)
def test_who_is_not_let_in_is_told_why(
    kafka: SecuredKafka, redis_server: RunningRedis, wrong: dict[str, str], said: str, tmp_path: Path
) -> None:
    """One line that names the address and the reason, without the password; exit status 1."""
    shop = StreamShop(tmp_path / "shop", kafka.open.bootstrap, redis_server.address)
    shop.apply()
    timeout = {"SHOP_STREAM_START_TIMEOUT_SECONDS": "3"}
    environment = {**shop.environment(), **kafka.environment(**wrong), **timeout}
    with running_worker(environment, tmp_path / "worker.log") as worker:
        assert worker.process.wait(60) == 1
    log = worker.log.read_text()
    assert f"no Kafka broker answers at {kafka.bootstrap}" in log
    assert said in log
    assert "Traceback" not in log
    assert PASSWORD not in log


def test_senders_log_in(secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay and simulator send through it; a wrong password is told."""
    topic = secured.open.topic("things")
    outbox = Outbox(kafka_of(EventSettings()))
    outbox.require_topics([topic])
    assert outbox.retention(topic) is not None
    outbox.send(topic, "key", b"{}")
    assert outbox.finish() == 1
    monkeypatch.setenv("SHOP_KAFKA_PASSWORD", "another")
    with pytest.raises(NoBrokerError, match="uthentication failed"):
        Outbox(kafka_of(EventSettings())).require_topics([topic])


def test_the_command_that_creates_topics_logs_in(
    secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the setup job of a release does."""
    monkeypatch.setattr("sys.argv", ["topics"])
    assert topics.main() == 0
    assert "dead_letters" in capsys.readouterr().out


def test_the_prediction_log_and_erasures_log_in(secured: SecuredKafka) -> None:
    """The API's clients, and those of the program that erases: what is asked for is read on the other side."""
    settings = ServingSettings()

    async def log_one() -> float | None:
        registry = CollectorRegistry()
        async with open_journal(settings, registry) as journal:
            journal.record(served())
        return registry.get_sample_value("shop_api_predictions_logged_total", {"outcome": "acknowledged"})

    assert asyncio.run(log_one()) == 1
    known = KnownErasures(lambda _: None)
    names = (settings.erasures_topic, settings.erasure_receipts_topic)
    office = ErasureTopics(kafka_of(settings), *names, 10, known)
    office.start()
    request = Request("receipt", "user_1", "00", 1_772_352_000_000_000)
    office.ask("user_1", msgspec.json.encode(request))
    wait_for(lambda: known.receipt("receipt"), "the request to be read")
    office.close()
    desk = Desk(kafka_of(EraseSettings()), *names, 10)
    assert [asked for asked, _ in desk.pending().values()] == [request]
