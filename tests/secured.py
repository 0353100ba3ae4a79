"""A real broker that wants TLS and a login, on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from connections.kafka import Kafka
from infra.services.kafka import KafkaServer
from infra.services.local import kafka_service
from infra.services.ports import LOOPBACK, free_port
from infra.services.processes import Program
from tests.services import RunningKafka, own_settings
from tests.tls_front import certificate

USER: Final = "shop"
PASSWORD: Final = "s3cret-of-kafka"  # noqa: S105  (a test's)
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class SecuredServer(KafkaServer):
    """Our broker with a second listener: TLS and a login, by password in plain (inside TLS) or SCRAM.

    Attributes:
        secured_port: Of the second listener.
        certificate_file: Key and certificate of the broker.
    """

    secured_port: int = field(default_factory=free_port)
    certificate_file: Path = Path()

    def program(self, port: int, data: Path) -> Program:
        """Later lines of the broker's properties overrule those before."""
        program, file = super().program(port, data), data / "server.properties"
        written = dict(line.split("=", 1) for line in file.read_text().splitlines())
        more = f"SECURED://{LOOPBACK}:{self.secured_port}"
        own = "listener.name.secured"
        added = {
            "listeners": f"{written['listeners']},{more}",
            "advertised.listeners": f"{written['advertised.listeners']},{more}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL",
            f"{own}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"{own}.plain.sasl.jaas.config": f'{_PLAIN} required user_{USER}="{PASSWORD}";',
            f"{own}.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
            f"{own}.ssl.keystore.type": "PEM",
            f"{own}.ssl.keystore.location": str(self.certificate_file),
        }
        with file.open("a") as properties:
            properties.writelines(f"{key}={value}\n" for key, value in added.items())
        return program


@dataclass(frozen=True)
class SecuredKafka:
    """A broker that is reached as the settings say.

    Attributes:
        open: Its other listener, for what tests look at.
        bootstrap: Address at which it wants TLS and a login.
        authority: File of the certificate that it shows.
    """

    open: RunningKafka
    bootstrap: str
    authority: Path

    def environment(self, **changes: str) -> dict[str, str]:
        """What programs are told."""
        own = {
            "SHOP_KAFKA_BOOTSTRAP": self.bootstrap,
            "SHOP_KAFKA_PROTOCOL": "SASL_SSL",
            "SHOP_KAFKA_USERNAME": USER,
            "SHOP_KAFKA_PASSWORD": PASSWORD,
            "SHOP_KAFKA_CA_FILE": str(self.authority),
        }
        return {**own, **changes}


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """A broker for some tests; `USER` may log in."""
    folder.mkdir(parents=True, exist_ok=True)
    file, service = certificate(folder), kafka_service(own_settings(folder))
    known = {name: getattr(service.server, name) for name in KafkaServer.__dataclass_fields__}
    server = SecuredServer(**known, certificate_file=file)
    service = replace(service, server=server)
    try:
        kafka = RunningKafka(service, service.up())
        _let_in(Kafka(kafka.bootstrap))
        yield SecuredKafka(kafka, f"{LOOPBACK}:{server.secured_port}", file)
    finally:
        service.down()


def _let_in(kafka: Kafka) -> None:
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    admin = AdminClient(kafka.client())
    user = UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
    for done in admin.alter_user_scram_credentials([user]).values():
        done.result(10)
