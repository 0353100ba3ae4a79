"""Settings of the simulator and of the replay."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class NoBrokerError(LookupError):
    """No Kafka broker is known or reachable."""


class EventSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    data_dir: Path = Path("data")
    """Everything the platform writes on this machine lies under this folder."""
    kafka_bootstrap: str | None = None
    """Brokers, `host:port` separated by commas; by default what `make up` left in services/kafka.addr of the data folder."""
    delivery_timeout_seconds: float = Field(default=60, gt=0)
    """How long Kafka may take to accept a message that was sent."""

    def bootstrap(self) -> str:
        """Addresses of the brokers.

        Raises:
            NoBrokerError: none is set and no local broker has left its address.
        """
        if self.kafka_bootstrap:
            return self.kafka_bootstrap
        file = self.data_dir / "services" / "kafka.addr"
        try:
            return file.read_text("utf-8").strip()
        except FileNotFoundError:
            raise NoBrokerError(
                f"no Kafka broker is known: there is no {file}; start one with `make up`, "
                "or set SHOP_KAFKA_BOOTSTRAP to the address of yours"
            ) from None
