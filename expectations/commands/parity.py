"""`python -m expectations parity`."""

import argparse
from datetime import UTC, datetime

from rich.console import Console

from expectations.commands import Subparsers, add_repo


def instant(text: str) -> datetime:
    """An instant in ISO 8601, UTC where it names no zone."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def add(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser(
        "parity", help="compute served feature values again from history and compare"
    )
    add_repo(parser)
    parser.add_argument(
        "--since",
        type=instant,
        help="first instant of the predictions, ISO 8601; default: an hour before --until",
    )
    parser.add_argument(
        "--until", type=instant, help="behind the last one; default: now, less what the archives may lag"
    )
    parser.add_argument("--sample", type=int, help="about how many predictions; default: SHOP_PARITY_SAMPLE")
    parser.add_argument("--service", action="append", default=[], help="may be repeated; default: all")
    parser.add_argument("--gate", action="store_true", help="status 1 where a service misses its bounds")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Measure, keep the record and print it."""
    from expectations.parity.report import measure_and_tell  # noqa: PLC0415

    return measure_and_tell(options, console)
