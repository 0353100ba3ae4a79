"""Data quality: hold the archive to its suites, and build the reports."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: all held, 1: an expectation was not met, 2: there was nothing to check."""
    options = _parser().parse_args(arguments)
    # Great Expectations and Feast take seconds to import: `--help` does without them.
    from expectations import commands  # noqa: PLC0415

    console = Console()
    if options.command == "report":
        return commands.report(console)
    return commands.check(console, options.repo, options.event, options.date, whole=options.whole)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m expectations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="hold days of the event archive to their suites")
    check.add_argument("--repo", type=Path, default=Path("feature_repo"), help="folder of feature_store.yaml")
    check.add_argument(
        "--event", action="append", default=[], help="an event type; may be repeated; default: all"
    )
    check.add_argument(
        "--date",
        action="append",
        default=[],
        type=date.fromisoformat,
        help="a day; may be repeated; default: all",
    )
    check.add_argument(
        "--whole", action="store_true", help="check the days together, as one batch per event type"
    )
    commands.add_parser(
        "report", help="build the Data Docs and the summary page from the results kept so far"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
