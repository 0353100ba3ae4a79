"""The command line of things that are brought up and down."""

import argparse
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from infra.services.errors import ServiceError
from infra.services.lock import exclusive
from infra.services.service import Service
from infra.settings import InfraSettings


def main(
    program: str,
    settings: InfraSettings,
    services: Sequence[Service],
    up: Callable[[], None],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run `up`, `down` or `status`; the exit status. `status` gives 1 unless every service answers."""
    parser = argparse.ArgumentParser(f"python -m {program}", description=", ".join(s.name for s in services))
    parser.add_argument("action", choices=("up", "down", "status"), help="both up and down may be repeated")
    action = parser.parse_args(arguments).action
    if action == "status":
        return _status(services)
    with exclusive(settings.services_dir / ".lock"):
        return _up(services, up) if action == "up" else _down(services)


def _up(services: Sequence[Service], up: Callable[[], None]) -> int:
    try:
        up()
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return _status(services)


def _down(services: Sequence[Service]) -> int:
    for service in reversed(services):
        print(f"{service.name}: {'ended' if service.down() else 'did not run'}")
    return 0


def _status(services: Sequence[Service]) -> int:
    table = Table("service", "state", "address", "process id", "log")
    answering = [service.answers() for service in services]
    for service, answers in zip(services, answering, strict=True):
        pid = service.supervisor.pid(service.name)
        state = "up" if answers else "silent" if service.address else "down"
        log = service.supervisor.log(service.name)
        table.add_row(service.name, state, service.address, str(pid or ""), str(log) if log.exists() else "")
    Console().print(table)
    return 0 if all(answering) else 1
