"""The platform's topics: `python -m infra.topics` creates those that are absent at SHOP_KAFKA_BOOTSTRAP.

Where the platform runs on this machine alone, `infra.platform up` does it by itself.
"""

import argparse
import sys

from infra.services.errors import ServiceError
from infra.services.local import kafka_service
from infra.services.topics import create_topics
from infra.settings import InfraSettings


def create_platform_topics(bootstrap: str, settings: InfraSettings) -> frozenset[str]:
    """Create the event topics and the dead-letter topic where they are absent; the names of those created."""
    events = dict.fromkeys(settings.event_topics, settings.topic_partitions)
    dead_letters = {settings.dead_letter_topic: 1}
    return create_topics(bootstrap, events, retention=settings.topic_retention) | create_topics(
        bootstrap, dead_letters, retention=settings.dead_letter_retention
    )


def main(settings: InfraSettings) -> int:
    """The exit status."""
    try:
        created = create_platform_topics(kafka_service(settings).up(), settings)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"created {', '.join(sorted(created)) or 'nothing: all topics are there'}")
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser("python -m infra.topics", description=__doc__).parse_args()
    sys.exit(main(InfraSettings()))
