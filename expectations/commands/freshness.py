"""`python -m expectations freshness`."""

import argparse

from rich.console import Console

from expectations.commands import Subparsers, add_repo
from expectations.commands.parity import instant


def add(subparsers: Subparsers) -> None:
    """Add the command's options."""
    parser = subparsers.add_parser(
        "freshness", help="hold feature views to what is promised of their freshness"
    )
    add_repo(parser)
    parser.add_argument(
        "--source",
        choices=("stream", "log"),
        help="the stream worker's metrics, or what was served; default: the first where a worker answers",
    )
    parser.add_argument(
        "--since",
        type=instant,
        help="first instant of what was served, ISO 8601; default: an hour before --until",
    )
    parser.add_argument(
        "--until", type=instant, help="behind the last one; default: now, less what archives may lag"
    )
    parser.add_argument(
        "--gate", action="store_true", help="status 1 where a view has overspent its error budget"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Measure, keep the record and print it."""
    from expectations.freshness.report import measure_and_tell  # noqa: PLC0415

    return measure_and_tell(options, console)
