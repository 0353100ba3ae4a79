"""The platform, left running: `make up`.

In an empty data folder a simulated shop's history is written and trained on first; what is there already is kept.
`make down` ends it.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from infra import bootstrap
from infra.fill import parser
from infra.platform import Platform
from infra.services.errors import ServiceError
from infra.services.lock import exclusive
from infra.settings import InfraSettings
from infra.steps import StepFailedError, Steps


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = parser("python -m infra.up", __doc__).parse_args(arguments)
    console, platform = Console(), Platform(InfraSettings())
    try:
        with exclusive(platform.settings.services_dir / ".lock"):
            _up(platform, options, console)
    except (StepFailedError, ServiceError) as error:
        console.print(f"[red]{type(error).__name__}[/] {error}", soft_wrap=True, highlight=False)
        return 1
    table = Table("what", "where")
    for what, where in platform.urls().items():
        table.add_row(what, where)
    console.print(table)
    return 0


def _up(platform: Platform, options: argparse.Namespace, console: Console) -> None:
    root = platform.settings.data_dir.resolve()
    steps = Steps(bootstrap.STEPS + 2, root / "logs", {}, console)
    with steps.shown():
        steps.call("Kafka and Redis", lambda: bootstrap.start(platform))
        steps.environment = platform.environment()
        bootstrap.bootstrap(platform, steps, days=options.days, scale=options.scale)
        # Last: it shares the cores with whoever is still to come up.
        steps.call("quality watch", platform.start_quality_watch)


if __name__ == "__main__":
    sys.exit(main())
