"""Creates those of the platform's topics that are absent at SHOP_KAFKA_BOOTSTRAP; `infra.platform up` does so, too."""

import argparse
import sys

from pydantic import ValidationError

from infra.services.errors import ServiceError
from infra.services.local import kafka_service
from infra.services.topics import create_topics
from infra.settings import InfraSettings, describe


def create_platform_topics(bootstrap: str, settings: InfraSettings) -> frozenset[str]:
    """Create the event topics, the prediction log's and the dead-letter topic where they are absent; the names of those created."""
    events = dict.fromkeys([*settings.event_topics, settings.predictions_topic], settings.topic_partitions)
    dead_letters = {settings.dead_letter_topic: 1}
    return create_topics(bootstrap, events, retention=settings.topic_retention) | create_topics(
        bootstrap, dead_letters, retention=settings.dead_letter_retention
    )


def main() -> int:
    """The exit status."""
    argparse.ArgumentParser(
        prog="python -m infra.topics",
        description=__doc__,
        epilog="settings (environment):\n" + describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = InfraSettings()
        created = create_platform_topics(kafka_service(settings).up(), settings)
    except (ServiceError, ValidationError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"created {', '.join(sorted(created)) or 'nothing: all topics are there'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
