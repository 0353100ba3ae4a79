"""How Kafka is reached, as every program that makes a client is told it."""

from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connections.kafka import Kafka
from connections.local_folder import LocalFolder

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]

_LOGIN: Final = ("kafka_username", "kafka_password", "kafka_password_file")
_TLS: Final = ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")


class KafkaSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    data_dir: LocalFolder = Path("data")
    """Everything the platform writes on this machine lies under this folder."""
    kafka_bootstrap: str | None = None
    """Brokers, `host:port` separated by commas; by default what `make up` left in services/kafka.addr of the data folder."""
    kafka_username: str | None = None
    """Name for the login at Kafka; with SHOP_KAFKA_PROTOCOL SASL_SSL or SASL_PLAINTEXT."""
    kafka_password: SecretStr | None = None
    """Its password."""
    kafka_password_file: Path | None = None
    """File whose first line is the password, in place of SHOP_KAFKA_PASSWORD."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How Kafka is told the password."""
    kafka_ca_file: Path | None = None
    """Authorities (PEM) that Kafka's certificate is checked against; by default those of the machine."""
    kafka_certificate_file: Path | None = None
    """Certificate (PEM) that is shown to Kafka, where it wants one; with SHOP_KAFKA_KEY_FILE."""
    kafka_key_file: Path | None = None
    """Its key (PEM, without a password)."""
    kafka_protocol: Protocol = Field(default="PLAINTEXT", validate_default=True)
    """How Kafka is spoken to: SSL is TLS, SASL a login; PLAINTEXT and SASL_PLAINTEXT can be read by whoever is in between."""

    @field_validator(*_TLS, "kafka_password_file")
    @classmethod
    def _is_a_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"{_variable(info.field_name or '')}: there is no file {path}")
        return path

    @field_validator("kafka_protocol")
    @classmethod
    def _fits_what_else_is_set(cls, protocol: Protocol, info: ValidationInfo) -> Protocol:
        """The last of these settings, so that all others are known; an error shows its value alone, no password."""
        given = {name for name in (*_LOGIN, *_TLS) if info.data.get(name) is not None}
        login, tls = given & {*_LOGIN}, given & {*_TLS}
        if login and not protocol.startswith("SASL"):
            raise ValueError(f"{_variables(login)} is for a login, and {protocol} has none: set SASL_SSL")
        if tls and not protocol.endswith("SSL"):
            raise ValueError(f"{_variables(tls)} is for TLS, and {protocol} has none: set SSL or SASL_SSL")
        if protocol.startswith("SASL") and ("kafka_username" not in login or len(login) == 1):
            raise ValueError(
                f"{protocol} needs SHOP_KAFKA_USERNAME, and SHOP_KAFKA_PASSWORD or SHOP_KAFKA_PASSWORD_FILE"
            )
        if len(login) == len(_LOGIN):
            raise ValueError("SHOP_KAFKA_PASSWORD and SHOP_KAFKA_PASSWORD_FILE are both set: unset one")
        if ("kafka_certificate_file" in tls) != ("kafka_key_file" in tls):
            raise ValueError(
                "SHOP_KAFKA_CERTIFICATE_FILE and SHOP_KAFKA_KEY_FILE are set together or not at all"
            )
        return protocol

    def known_kafka(self) -> Kafka | None:
        """The brokers; None where none is set and no local broker has left its address."""
        if self.kafka_bootstrap:
            return self.kafka_at(self.kafka_bootstrap)
        file = self._address_file
        return self.kafka_at(file.read_text("utf-8").strip()) if file.is_file() else None

    def kafka_at(self, bootstrap: str) -> Kafka:
        """Brokers at an address, spoken to as the settings say."""
        told = {
            "security.protocol": None if self.kafka_protocol == "PLAINTEXT" else self.kafka_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism if self.kafka_username else None,
            "sasl.username": self.kafka_username,
            "sasl.password": self._password,
            "ssl.ca.location": self.kafka_ca_file,
            "ssl.certificate.location": self.kafka_certificate_file,
            "ssl.key.location": self.kafka_key_file,
        }
        return Kafka(bootstrap, {name: str(value) for name, value in told.items() if value is not None})

    @property
    def no_kafka(self) -> str:
        """What to say where no broker is known."""
        return (
            f"no Kafka broker is known: there is no {self._address_file}; start one with `make up`, "
            "or set SHOP_KAFKA_BOOTSTRAP to the address of yours"
        )

    @property
    def _address_file(self) -> Path:
        return self.data_dir / "services" / "kafka.addr"

    @property
    def _password(self) -> str | None:
        if self.kafka_password_file is not None:
            return next(iter(self.kafka_password_file.read_text("utf-8").splitlines()), "")
        return None if self.kafka_password is None else self.kafka_password.get_secret_value()


def describe(settings: type[BaseSettings], without: Collection[str] = ()) -> str:
    """One line per setting: its variable, its default and what it says.

    Args:
        settings: Of a program.
        without: Fields that are told elsewhere.
    """
    prefix = settings.model_config["env_prefix"]
    return "\n".join(
        f"  {(prefix + name).upper():<36} {field.description} [{field.get_default(call_default_factory=True)}]"
        for name, field in settings.model_fields.items()
        if name not in without
    )


def _variable(field: str) -> str:
    return f"SHOP_{field.upper()}"


def _variables(fields: set[str]) -> str:
    return ", ".join(sorted(map(_variable, fields)))
