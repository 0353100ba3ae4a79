"""Creates those of the platform's topics that are absent at SHOP_KAFKA_BOOTSTRAP; `infra.platform up` does so, too."""

import argparse
import sys

from pydantic import ValidationError

from connections.kafka import Kafka
from connections.settings import describe
from infra.services.errors import ServiceError
from infra.services.local import kafka_service
from infra.services.topics import create_topics
from infra.settings import InfraSettings


def create_platform_topics(kafka: Kafka, settings: InfraSettings) -> frozenset[str]:
    """Create the event topics, the prediction log's and the dead-letter topic where they are absent; the names of those created."""
    events = dict.fromkeys([*settings.event_topics, settings.predictions_topic], settings.topic_partitions)
    dead_letters = {settings.dead_letter_topic: 1}
    return create_topics(kafka, events, retention=settings.topic_retention) | create_topics(
        kafka, dead_letters, retention=settings.dead_letter_retention
    )


def main() -> int:
    """The exit status."""
    argparse.ArgumentParser(
        prog="python -m infra.topics",
        description=__doc__,
        epilog="settings (environment):\n" + describe(InfraSettings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = InfraSettings()
        created = create_platform_topics(settings.kafka_at(kafka_service(settings).up()), settings)
    except (ServiceError, ValidationError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"created {', '.join(sorted(created)) or 'nothing: all topics are there'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
