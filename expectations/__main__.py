"""Data quality: hold the archive, what is served and the models to what is expected of them, and build the reports."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from expectations.commands import check, drift, freshness, parity, quarantine, report, watch

COMMANDS = (
    check,
    drift,
    freshness,
    parity,
    quarantine,
    report,
    watch,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: all held, 1: an expectation was not met, 2: there was nothing to check."""
    options = _parser().parse_args(arguments)
    status: int = options.run(options, Console())
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m expectations", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
