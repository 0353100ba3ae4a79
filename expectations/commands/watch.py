"""`python -m expectations watch`."""

import argparse

from rich.console import Console

from connections.settings import describe
from expectations.commands import Subparsers, add_repo
from expectations.settings import QualitySettings
from expectations.watch.settings import WatchSettings


def add(subparsers: Subparsers) -> None:
    """Add the command's options; the rest are settings."""
    parser = subparsers.add_parser(
        "watch",
        help="repeat parity, freshness, checks and drift, and serve what they found as metrics",
        epilog=f"settings of its own, from the environment:\n{describe(WatchSettings, QualitySettings.model_fields)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_repo(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _console: Console) -> int:
    """Work until SIGTERM or SIGINT."""
    from expectations.watch.program import watch  # noqa: PLC0415

    return watch(options.repo)
