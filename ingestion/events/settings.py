"""Settings of the simulator and of the replay."""

from pydantic import Field

from connections.kafka import Kafka
from connections.settings import KafkaSettings


class NoBrokerError(LookupError):
    """No Kafka broker is known or reachable."""


class EventSettings(KafkaSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    delivery_timeout_seconds: float = Field(default=60, gt=0)
    """How long Kafka may take to accept a message that was sent."""

    def kafka(self) -> Kafka:
        """The brokers.

        Raises:
            NoBrokerError: none is set and no local broker has left its address.
        """
        known = self.known_kafka()
        if known is None:
            raise NoBrokerError(self.no_kafka)
        return known
