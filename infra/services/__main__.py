"""Redis and Kafka alone: `python -m infra.services up|down|status`."""

import sys

from infra.commands import main
from infra.services.local import services
from infra.settings import InfraSettings


def run() -> int:
    """The exit status."""
    settings = InfraSettings()
    both = services(settings)

    def up() -> None:
        for service in both:
            service.up()

    return main("infra.services", settings, both, up)


if __name__ == "__main__":
    sys.exit(run())
