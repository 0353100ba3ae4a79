"""The command line of things that are brought up and down."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from connections.settings import describe
from infra.services.errors import ServiceError
from infra.services.lock import exclusive
from infra.services.ports import shown
from infra.services.service import Service
from infra.settings import InfraSettings


class Stack(Protocol):
    """Services that are brought up together."""

    @property
    def services(self) -> Sequence[Service]:
        """In the order in which they start; they end in the opposite one."""

    def up(self) -> None:
        """Start what does not run; raises `ServiceError`."""


def main(
    program: str,
    description: str | None,
    stack_of: Callable[[InfraSettings], Stack],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run `up`, `down` or `status`; the exit status. `status` gives 1 unless every service answers, wrong settings 2."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=description,
        epilog="settings (environment):\n" + describe(InfraSettings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("up", "down", "status"), help="up and down may be repeated")
    action = parser.parse_args(arguments).action
    try:
        settings = InfraSettings()
    except ValidationError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2
    stack = stack_of(settings)
    if action == "status":
        return _status(stack.services)
    with exclusive(settings.services_dir / ".lock"):
        return _up(stack) if action == "up" else _down(stack.services)


def _up(stack: Stack) -> int:
    try:
        stack.up()
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return _status(stack.services)


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
        table.add_row(
            service.name,
            state,
            shown(service.address or ""),
            str(pid or ""),
            str(log) if log.exists() else "",
        )
    Console().print(table)
    return 0 if all(answering) else 1
