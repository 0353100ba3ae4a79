"""A real Apache Kafka broker on loopback: KRaft, one node, one JVM, sized for a laptop."""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from connections.kafka import Kafka
from infra.services.errors import ServiceStartError
from infra.services.files import write_atomically
from infra.services.jars import Jars
from infra.services.java import find_java
from infra.services.ports import LOOPBACK, free_port
from infra.services.processes import Program

CLUSTER_ID = "ZmVhc3Qtc2hvcC1sb2NhbA"
"""KRaft wants 16 bytes in base64: these spell feast-shop-local."""

LOGGING = Path(__file__).with_name("log4j2.xml")
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto")
FORMAT_HEAP_MB = 128
NICENESS = 5
"""Beside the API, which waits for Redis and never for the broker: events may come some milliseconds later, answers not."""


@dataclass(frozen=True)
class KafkaServer:
    """One broker that is its own controller."""

    jars: Jars
    heap_min_mb: int = 256
    heap_max_mb: int = 512
    java: Path | None = None
    """None: the first fit one, see `find_java`."""
    at: Callable[[str], Kafka] = Kafka
    """How an address is spoken to."""
    name: str = "kafka"

    def program(self, port: int, data: Path) -> Program:
        """Writes the broker's properties and formats its storage where that is not done yet."""
        properties = data / "server.properties"
        write_atomically(properties, as_text(broker_properties(port, free_port(), data.resolve() / "log")))
        java = self.java or find_java()
        _format(self._command(java, FORMAT_HEAP_MB, FORMAT_HEAP_MB), properties)
        argv = (*self._command(java, self.heap_min_mb, self.heap_max_mb), "kafka.Kafka", str(properties))
        return Program(self.name, argv, niceness=NICENESS)

    def answers(self, address: str) -> bool:
        """Whether an admin client is told of a broker."""
        with suppress(KafkaException):
            admin = AdminClient(self.at(address).client({"log_level": 0}))
            return bool(admin.list_topics(timeout=2).brokers)
        return False

    def _command(self, java: Path, heap_min_mb: int, heap_max_mb: int) -> tuple[str, ...]:
        heap = (f"-Xms{heap_min_mb}m", f"-Xmx{heap_max_mb}m")
        return (str(java), *heap, *JVM, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", self.jars.classpath())


def broker_properties(port: int, controller_port: int, log_dir: Path) -> dict[str, str]:
    """What differs from Kafka's defaults; messages stay at its default of at most 1 MiB."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(log_dir),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        # A broker that was killed may register again only when its last session is over (9 s by default).
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # One node holds every copy there is, and few coordinators do.
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # A laptop's cores and memory; the log cleaner alone takes 128 MiB of heap by default.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "num.recovery.threads.per.data.dir": "1",
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        "log.segment.bytes": str(128 * 1024 * 1024),
    }


def as_text(properties: dict[str, str]) -> str:
    """In Java's properties format, in which a backslash escapes."""
    escaped = {key: value.replace("\\", "\\\\") for key, value in properties.items()}
    return "".join(f"{key}={value}\n" for key, value in escaped.items())


def _format(java: tuple[str, ...], properties: Path) -> None:
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", CLUSTER_ID)
    command = (*java, *tool, "--config", str(properties))
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ServiceStartError(f"kafka: {command[0]} does not run ({error}); correct SHOP_JAVA") from error
    if run.returncode:
        raise ServiceStartError(
            f"kafka: its storage under {properties.parent} could not be formatted by {command[0]}:\n"
            f"{(run.stdout + run.stderr)[-2000:]}"
        )
