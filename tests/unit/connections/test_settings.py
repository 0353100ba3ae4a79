"""How Kafka is reached: what clients are told, what does not fit together, and that no password is shown."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connections.settings import KafkaSettings

PASSWORD = "s3cret-0123"  # noqa: S105  (a test's)
LOGIN = {"kafka_username": "shop", "kafka_password": PASSWORD}


def settings(**given: Any) -> KafkaSettings:
    return KafkaSettings(**{"kafka_bootstrap": "broker:9096", **given})


def told(**given: Any) -> dict[str, Any]:
    kafka = settings(**given).known_kafka()
    assert kafka is not None
    return kafka.client()


def test_without_settings_clients_are_told_the_address_alone() -> None:
    """As before there were any: plain text, nobody logs in."""
    assert told() == {"bootstrap.servers": "broker:9096"}


def test_a_login_over_tls_is_told_to_every_client(tmp_path: Path) -> None:
    """Protocol, mechanism, name, password, authorities; what a client wants beside it stays."""
    authority = tmp_path / "ca.pem"
    authority.touch()
    kafka = settings(kafka_protocol="SASL_SSL", kafka_ca_file=authority, **LOGIN).known_kafka()
    assert kafka is not None
    assert kafka.client({"group.id": "g"}) == {
        "bootstrap.servers": "broker:9096",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": PASSWORD,
        "ssl.ca.location": str(authority),
        "group.id": "g",
    }


def test_a_password_may_lie_in_a_file(tmp_path: Path) -> None:
    """Its first line; a line break at its end is not part of it."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    made = told(kafka_protocol="SASL_PLAINTEXT", kafka_username="shop", kafka_password_file=file)
    assert made["sasl.password"] == PASSWORD


def test_a_certificate_may_be_shown(tmp_path: Path) -> None:
    """TLS on both sides, without a login."""
    for name in ("client.pem", "client.key"):
        (tmp_path / name).touch()
    own = {"kafka_certificate_file": tmp_path / "client.pem", "kafka_key_file": tmp_path / "client.key"}
    made = told(kafka_protocol="SSL", **own)
    assert made["ssl.certificate.location"] == str(tmp_path / "client.pem")
    assert made["ssl.key.location"] == str(tmp_path / "client.key")
    assert "sasl.mechanism" not in made


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (LOGIN, "KAFKA_PASSWORD, SHOP_KAFKA_USERNAME is for a login, and PLAINTEXT has none: set SASL_SSL"),
        ({"kafka_protocol": "SASL_SSL"}, "SASL_SSL needs SHOP_KAFKA_USERNAME, and"),
        ({"kafka_protocol": "SASL_SSL", "kafka_password": PASSWORD}, "SASL_SSL needs SHOP_KAFKA_USERNAME, and"),
        ({"kafka_protocol": "SASL_SSL", "kafka_username": "shop"}, "SASL_SSL needs SHOP_KAFKA_USERNAME, and"),
        ({"kafka_protocol": "SASL_SSL", **LOGIN, "kafka_password_file": __file__}, "are both set: unset one"),
        ({"kafka_protocol": "SASL_PLAINTEXT", **LOGIN, "kafka_ca_file": __file__}, "CA_FILE is for TLS, and SASL_"),
        ({"kafka_protocol": "SSL", "kafka_key_file": __file__}, "are set together or not at all"),
        ({"kafka_protocol": "SSL", "kafka_ca_file": "/nowhere.pem"}, "KAFKA_CA_FILE: there is no file /nowhere"),
        ({"kafka_protocol": "TLS", **LOGIN}, "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused_without_a_password(given: dict[str, Any], said: str) -> None:
    """The error names the settings and the way out."""
    with pytest.raises(ValidationError) as refused:
        settings(**given)
    assert said in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    """Neither by the settings nor by what is made of them."""
    made = settings(kafka_protocol="SASL_SSL", **LOGIN)
    assert PASSWORD not in f"{made!r} {made} {made.known_kafka()!r} {made.known_kafka()}"


def test_a_broker_of_this_machine_is_found_by_its_file(tmp_path: Path) -> None:
    """And none is known where there is no file."""
    local = KafkaSettings(data_dir=tmp_path, kafka_bootstrap=None)
    assert local.known_kafka() is None
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "kafka.addr").write_text("127.0.0.1:1\n")
    assert str(local.known_kafka()) == "127.0.0.1:1"
