"""Spark's Kafka source: its connector, and how it is told what our clients are told."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from connections.kafka import Kafka
from ingestion.stream.positions import Positions

CONNECTOR: Final = "org.apache.spark:spark-sql-kafka-0-10_2.13"
"""Spark fetches it from Maven Central, in its own version."""
PROVIDED: Final = (
    "at.yawk.lz4:lz4-java,org.xerial.snappy:snappy-java,org.slf4j:slf4j-api,"
    "org.apache.hadoop:hadoop-client-runtime,com.google.code.findbugs:jsr305,"
    "org.scala-lang.modules:scala-parallel-collections_2.13"
)
"""What it requires and Spark has; a local cache that knows of one but does not hold it would end the start."""
_EARLIEST: Final = -2
_LOGINS: Final = {
    "PLAIN": "plain.PlainLoginModule",
    "SCRAM-SHA-256": "scram.ScramLoginModule",
    "SCRAM-SHA-512": "scram.ScramLoginModule",
}


def with_connector(conf: dict[str, str]) -> dict[str, str]:
    """Settings with Spark's Kafka connector, which is fetched from Maven Central unless it is there or jars are named."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None or {"spark.jars", "spark.jars.packages"} & conf.keys():
        return conf
    if any((Path(spec.origin).parent / "jars").glob(f"{CONNECTOR.partition(':')[2]}-*.jar")):
        return conf
    named = {"spark.jars.packages": f"{CONNECTOR}:{version('pyspark')}", "spark.jars.excludes": PROVIDED}
    return {**named, **conf}


def options(kafka: Kafka, topic: str, partitions: int, start: Positions, most: int) -> dict[str, str]:
    """Options of the source.

    Args:
        kafka: The brokers.
        topic: What is read.
        partitions: How many partitions it has.
        start: Where a new checkpoint begins; a partition without one begins at its first message.
        most: Most messages of a batch.
    """
    offsets = {str(number): start.get(number, _EARLIEST) for number in range(partitions)}
    return {
        "kafka.bootstrap.servers": kafka.bootstrap,
        "subscribe": topic,
        "startingOffsets": json.dumps({topic: offsets}),
        "maxOffsetsPerTrigger": str(most),
        **{f"kafka.{name}": value for name, value in as_java(kafka.security).items()},
    }


def as_java(security: Mapping[str, str]) -> dict[str, str]:
    """What librdkafka is told of TLS and login as the Java client is told it; files are read here."""
    told = {name: security[name] for name in ("security.protocol", "sasl.mechanism") if name in security}
    if "sasl.username" in security:
        login = _LOGINS[security["sasl.mechanism"]]
        user, password = (_quoted(security[f"sasl.{name}"]) for name in ("username", "password"))
        told["sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{login} required username={user} password={password};"
        )
    if "ssl.ca.location" in security:
        told |= {
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": _content(security["ssl.ca.location"]),
        }
    if "ssl.certificate.location" in security:
        told |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _content(security["ssl.certificate.location"]),
            "ssl.keystore.key": _content(security["ssl.key.location"]),
        }
    return told


def _content(path: str) -> str:
    return Path(path).read_text("utf-8")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
