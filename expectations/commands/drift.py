"""`python -m expectations drift`."""

import argparse
from datetime import date

from rich.console import Console

from expectations.commands import Subparsers, add_repo


def add(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser(
        "drift", help="hold served features, scores and labels against training; say what happened"
    )
    add_repo(parser)
    parser.add_argument(
        "--day",
        action="append",
        default=[],
        type=date.fromisoformat,
        help="a day of predictions (UTC); may be repeated; default: all that are over and were not looked at yet",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Look at the days, keep the records and print the alarms."""
    from expectations.drift.report import look_and_tell  # noqa: PLC0415

    return look_and_tell(options, console)
