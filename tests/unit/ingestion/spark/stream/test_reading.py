"""Messages as Spark hands them over, and how its source is told where Kafka is."""

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from connections.kafka import Kafka
from ingestion.archive import Archive
from ingestion.events.contract import Contract
from ingestion.spark.frames import from_batches
from ingestion.spark.stream.kafka import as_java, options
from ingestion.spark.stream.machines import ARRIVAL_ORDER, UNKNOWN
from ingestion.spark.stream.packing import together
from ingestion.spark.stream.reading import read_messages
from ingestion.stream.catalogue import EventTopic

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA = {
    "type": "object",
    "required": ["event_id", "event_timestamp"],
    "properties": {
        "event_id": {"type": "string", "minLength": 1},
        "event_timestamp": {"type": "string", "format": "date-time"},
    },
}


def topic(root: Path) -> EventTopic:
    contract = Contract.from_json_schema("orders", SCHEMA, "event_timestamp", "event_id")
    made = EventTopic("orders", contract, Archive(root, "orders"), 0, 0, ())
    sent: EventTopic = pickle.loads(pickle.dumps(made))  # noqa: S301  # as a task gets it
    return sent


def test_readable_messages_become_events_and_others_are_left_out(tmp_path: Path) -> None:
    """With their places in Kafka; an arrival before the event time is the event time."""
    values = [
        json.dumps({"event_id": f"e{n}", "event_timestamp": NOON.isoformat()}).encode() for n in range(6)
    ]
    values[2], values[4] = b"{", None  # type: ignore[call-overload]
    batch = pa.RecordBatch.from_pydict(
        {
            "value": values,
            "partition": pa.array([0, 1, 0, 1, 0, 1], pa.int32()),
            "offset": pa.array([7, 8, 8, 9, 9, 10], pa.int64()),
            "timestamp": pa.array([NOON] * 5 + [NOON.replace(hour=11)], pa.timestamp("us", "UTC")),
        }
    )
    found = from_batches(read_messages(topic(tmp_path), 3, iter([batch])))
    assert found is not None
    assert set(found["now_us"]) == {UNKNOWN}
    rows = together(found["events"].to_list(), ARRIVAL_ORDER)
    assert rows is not None
    assert rows["event_id"].to_list() == ["e0", "e1", "e3", "e5"]
    assert rows["_offset"].to_list() == [7, 8, 9, 10]
    assert set(rows["arrival_timestamp"]) == {NOON}


def test_a_source_begins_behind_the_archive() -> None:
    """And at the first message of partitions of which nothing is archived."""
    told = options(Kafka("b:9092"), "orders", 3, {0: 17, 2: 4}, 1000)
    assert json.loads(told["startingOffsets"]) == {"orders": {"0": 17, "1": -2, "2": 4}}
    assert (told["kafka.bootstrap.servers"], told["maxOffsetsPerTrigger"]) == ("b:9092", "1000")


def test_logins_and_certificates_are_told_as_java_reads_them(tmp_path: Path) -> None:
    """Passwords with quotes too; contents of files, as no other machine has them."""
    for name in ("ca", "certificate", "key"):
        (tmp_path / name).write_text(f"the {name}")
    told = as_java(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "shop",
            "sasl.password": 'a"b\\c',
            "ssl.ca.location": str(tmp_path / "ca"),
            "ssl.certificate.location": str(tmp_path / "certificate"),
            "ssl.key.location": str(tmp_path / "key"),
        }
    )
    assert told["sasl.jaas.config"] == (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="shop" password="a\\"b\\\\c";'
    )
    assert told["ssl.truststore.certificates"] == "the ca"
    assert told["ssl.keystore.certificate.chain"] == "the certificate"
    assert told["ssl.keystore.key"] == "the key"
    assert as_java({}) == {}
