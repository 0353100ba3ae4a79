"""`python -m expectations check`."""

import argparse
from datetime import date

from rich.console import Console

from expectations.commands import Subparsers, add_repo


def add(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser("check", help="hold days of the event archive to their suites")
    add_repo(parser)
    parser.add_argument(
        "--event", action="append", default=[], help="an event type; may be repeated; default: all"
    )
    parser.add_argument(
        "--date",
        action="append",
        default=[],
        type=date.fromisoformat,
        help="a day; may be repeated; default: all",
    )
    parser.add_argument(
        "--whole", action="store_true", help="check the days together, as one batch per event type"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Check the archive, and build the reports."""
    from expectations.archive_check import check_archive  # noqa: PLC0415

    return check_archive(console, options.repo, options.event, options.date, whole=options.whole)
