"""What every program that reads from Kafka is told."""

from pydantic import Field

from connections.kafka import Kafka
from connections.settings import KafkaSettings
from ingestion.stream.errors import KafkaUnreachableError


class BrokerSettings(KafkaSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    dead_letter_topic: str = "dead_letters"
    """Where messages go that cannot be read."""
    erasures_path: str | None = None
    """Where tombstones of people who were erased are kept, a local path or a URL that fsspec knows; by default erasures in the data folder."""
    log_level: str = Field(default="info", pattern="^(critical|error|warning|info|debug)$")
    """From which level on lines are logged."""

    @property
    def erasures_url(self) -> str:
        """`erasures_path`, or its place in the data folder."""
        return self.erasures_path or str(self.data_dir / "erasures")

    def kafka(self) -> Kafka:
        """The brokers.

        Raises:
            KafkaUnreachableError: none is set and no local broker has left its address.
        """
        known = self.known_kafka()
        if known is None:
            raise KafkaUnreachableError(self.no_kafka)
        return known
