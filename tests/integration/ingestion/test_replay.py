"""Files through a real broker: what arrives is what the file says, at the speed that was asked for."""

import json
import os
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from connections.kafka import Kafka
from ingestion import replay
from ingestion.events.contract import Contract, Decoded
from ingestion.events.outbox import Outbox, UndeliveredError
from ingestion.events.settings import NoBrokerError
from tests.services import RunningKafka

ONLINE_RETAIL = Path(os.environ.get("SHOP_TEST_DATA_DIR", "../shared/data")) / "online_retail.parquet"
DAY = "2011-11-04"

MAPPING = """
topic: things
key: name
timestamp: at
columns:
  name: {column: name}
  at: {column: at, timezone: UTC}
  row: {template: "row {number}"}
"""
FILE = """name,at
b,2020-01-01 00:00:02
a,2020-01-01 00:00:00
c,2020-01-01 00:00:04
a,2020-01-01 00:00:01.5
,sometime
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Paths of a file of five rows and of its mapping."""
    file, mapping = tmp_path / "things.csv", tmp_path / "things.yaml"
    file.write_text(FILE)
    mapping.write_text(MAPPING)
    return str(file), str(mapping)


@pytest.fixture(autouse=True)
def broker(kafka_broker: RunningKafka, monkeypatch: pytest.MonkeyPatch) -> RunningKafka:
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", kafka_broker.bootstrap)
    return kafka_broker


def run(files: tuple[str, str], topic: str, *options: str) -> int:
    return replay.main([files[0], "--mapping", files[1], "--topic", topic, *options])


def test_a_file_is_sent_in_the_order_of_its_events(files: tuple[str, str], broker: RunningKafka) -> None:
    """Kafka's timestamp is the event time; a row without a time comes first, with nulls; keys are the customers."""
    topic = broker.topic(partitions=1)
    before = time.time() * 1000
    assert run(files, topic) == 0
    messages = broker.read(topic, 5)
    assert [json.loads(m.value())["row"] for m in messages] == ["row 5", "row 2", "row 4", "row 1", "row 3"]
    assert [m.key() for m in messages] == [None, b"a", b"a", b"b", b"c"]
    assert json.loads(messages[0].value()) == {"name": None, "at": None, "row": "row 5"}
    assert json.loads(messages[2].value())["at"] == "2020-01-01T00:00:01.500000Z"
    first = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
    assert [m.timestamp()[1] - first for m in messages[1:]] == [0, 1500, 2000, 4000]
    assert messages[0].timestamp()[1] >= before - 1


def test_limits_are_half_open_and_arrival_may_be_now(
    files: tuple[str, str], broker: RunningKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first limit on, up to but without the second; rows without a time are left out and counted."""
    topic = broker.topic(partitions=1)
    before = int(time.time() * 1000)
    limits = ("--from", "2020-01-01T00:00:01.5", "--to", "2020-01-01T01:00:04+01:00")
    assert run(files, topic, *limits, "--arrival", "now") == 0
    messages = broker.read(topic, 2)
    assert [json.loads(m.value())["row"] for m in messages] == ["row 4", "row 1"]
    assert all(m.timestamp()[1] >= before for m in messages)
    shown = capsys.readouterr().out
    assert "rows outside the limits" in shown
    assert "left out by limits" in shown


def test_speed_is_kept(files: tuple[str, str], broker: RunningKafka) -> None:
    """Four seconds at eight times the speed take half a second."""
    topic = broker.topic(partitions=1)
    began = time.monotonic()
    assert run(files, topic, "--speed", "8", "--arrival", "now") == 0
    assert time.monotonic() - began >= 0.5
    stamps = [m.timestamp()[1] for m in broker.read(topic, 5)]
    assert stamps[4] - stamps[1] == pytest.approx(500, abs=150)


def test_old_events_in_a_topic_that_forgets_are_warned_of(
    files: tuple[str, str], broker: RunningKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    """The broker deletes by message time; whoever replays 2020 should know."""
    run(files, broker.topic(partitions=1))
    assert "deletes messages" in capsys.readouterr().out


@pytest.mark.parametrize("speed", ["0", "-1", "inf"])
def test_an_impossible_speed_is_an_error(files: tuple[str, str], speed: str) -> None:
    """Before anything is sent."""
    with pytest.raises(SystemExit, match="2"):
        run(files, "things", f"--speed={speed}")


def test_an_absent_topic_is_an_error(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """It names those that exist and exits with 1; nothing is created by accident."""
    assert run(files, "no_such_topic") == 1
    assert "there is no topic ['no_such_topic']" in capsys.readouterr().out


def test_a_mapping_that_does_not_fit_is_an_error(
    files: tuple[str, str], broker: RunningKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the columns of the file and exits with 2."""
    assert replay.main([files[0], "--mapping", "online_retail", "--topic", broker.topic()]) == 2
    assert "the file has ['name', 'at']" in capsys.readouterr().out


def test_no_broker_is_an_error(
    files: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It says how to get one."""
    monkeypatch.delenv("SHOP_KAFKA_BOOTSTRAP")
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path))
    assert run(files, "things") == 1
    assert "start one with `make up`" in capsys.readouterr().out


def test_a_broker_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the address."""
    monkeypatch.setattr("ingestion.events.outbox._ANSWER_SECONDS", 0.5)
    with pytest.raises(NoBrokerError, match=r"no Kafka broker answers at 127\.0\.0\.1:9"):
        Outbox(Kafka("127.0.0.1:9")).require_topics(["things"])


def test_a_message_too_large_for_the_broker_is_reported(broker: RunningKafka) -> None:
    """The others are delivered; the end says how many were not, and why."""
    topic = broker.topic()
    outbox = Outbox(Kafka(broker.bootstrap))
    outbox.send(topic, "a", b"small")
    outbox.send(topic, "a", b"x" * 2_000_000)
    with pytest.raises(UndeliveredError, match=r"1 messages were not delivered.*too large"):
        outbox.finish()
    assert outbox.accepted == 1


def test_messages_nobody_takes_are_reported() -> None:
    """After the delivery timeout, each one."""
    outbox = Outbox(Kafka("127.0.0.1:9"), delivery_timeout=timedelta(seconds=1))
    for _ in range(3):
        outbox.send("things", None, b"{}")
    with pytest.raises(UndeliveredError, match="3 messages were not delivered"):
        outbox.finish()


def test_a_full_queue_waits_and_drops_nothing(broker: RunningKafka) -> None:
    """More messages than librdkafka holds at once: all arrive."""
    topic = broker.topic()
    outbox = Outbox(Kafka(broker.bootstrap))
    for number in range(150_000):
        outbox.send(topic, str(number), b"{}")
    assert outbox.finish() == 150_000
    with broker.consumer(topic) as consumer:
        assert consumer.consume(1, timeout=10)
        ends = [consumer.get_watermark_offsets(part)[1] for part in consumer.assignment()]
    assert sum(ends) == 150_000


@pytest.mark.realdata
@pytest.mark.skipif(not ONLINE_RETAIL.exists(), reason=f"UCI Online Retail is not at {ONLINE_RETAIL}")
def test_a_day_of_a_real_shop_is_valid_or_refused_as_counted_from_the_file(broker: RunningKafka) -> None:
    """Lines without a customer miss a field; cancelled lines and gifts are out of range; the rest are orders."""
    topic = broker.topic("retail")
    day = ("--from", DAY, "--to", "2011-11-05")
    assert replay.main([str(ONLINE_RETAIL), "--mapping", "online_retail", "--topic", topic, *day]) == 0

    lines = pl.read_parquet(ONLINE_RETAIL).filter(pl.col("InvoiceDate").dt.strftime("%Y-%m-%d") == DAY)
    anonymous = pl.col("CustomerID").is_null()
    nothing_paid = (pl.col("Quantity") <= 0) | (pl.col("UnitPrice") <= 0)
    expected = lines.select(
        valid=(~anonymous & ~nothing_paid).sum(),
        missing_field=anonymous.sum(),
        out_of_range=(~anonymous & nothing_paid).sum(),
    ).row(0, named=True)

    decoded = _decoded(broker, topic, lines.height)
    kinds = Counter(refused.kind for refused in decoded.rejected)
    assert {"valid": decoded.frame.height, **kinds} == expected
    assert min(expected.values()) > 0
    assert any("user_id: expected `str`, got `null`" in refused.reason for refused in decoded.rejected)

    paid = lines.filter(~anonymous & ~nothing_paid)
    amounts = (paid["Quantity"] * paid["UnitPrice"]).round(3)
    assert sorted(decoded.frame["amount"]) == pytest.approx(sorted(amounts))
    assert decoded.frame["order_id"].n_unique() == paid.height
    assert sorted(decoded.frame["user_id"].unique()) == sorted(
        paid["CustomerID"].cast(pl.Int64).cast(pl.String).unique()
    )
    # In November London's clock shows UTC.
    assert sorted(decoded.frame["event_timestamp"].dt.replace_time_zone(None)) == sorted(paid["InvoiceDate"])
    assert (decoded.frame["arrival_timestamp"] == decoded.frame["event_timestamp"]).all()


def _decoded(broker: RunningKafka, topic: str, count: int) -> Decoded:
    from feature_repo import events

    contract = Contract.from_json_schema("orders", events.orders.schema, "event_timestamp", "order_id")
    messages = broker.read(topic, count)
    assert len(messages) == count
    return contract.decode([m.value() for m in messages], [m.timestamp()[1] * 1000 for m in messages])
