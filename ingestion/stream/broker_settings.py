"""What every program that reads from Kafka is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingestion.stream.errors import KafkaUnreachableError


class BrokerSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    data_dir: Path = Path("data")
    """Everything the platform writes on this machine lies under this folder."""
    kafka_bootstrap: str | None = None
    """Brokers, `host:port` separated by commas; by default what `make up` left in services/kafka.addr of the data folder."""
    dead_letter_topic: str = "dead_letters"
    """Where messages go that cannot be read."""
    log_level: str = Field(default="info", pattern="^(critical|error|warning|info|debug)$")
    """From which level on lines are logged."""

    def bootstrap(self) -> str:
        """Addresses of the brokers.

        Raises:
            KafkaUnreachableError: none is set and no local broker has left its address.
        """
        if self.kafka_bootstrap:
            return self.kafka_bootstrap
        file = self.data_dir / "services" / "kafka.addr"
        try:
            return file.read_text().strip()
        except FileNotFoundError:
            raise KafkaUnreachableError(
                f"no Kafka broker is known: there is no {file}; start one with `make up`, "
                "or set SHOP_KAFKA_BOOTSTRAP to the address of yours"
            ) from None
