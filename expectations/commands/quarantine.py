"""`python -m expectations quarantine list|show|replay|release`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from expectations.commands import Subparsers, add_repo


def add(subparsers: Subparsers) -> None:
    """Add the command and those below it."""
    parser = subparsers.add_parser(
        "quarantine", help="rows that broke an expectation: list, show, replay, release"
    )
    below = parser.add_subparsers(dest="action", required=True)
    listed = below.add_parser("list", help="what is kept, the newest first")
    listed.add_argument("--all", action="store_true", help="also what was replayed or released")
    shown = below.add_parser("show", help="rows of an entry, each with what it breaks")
    shown.add_argument("name", help="as `list` prints it")
    shown.add_argument("--count", type=int, default=10, help="how many rows (default: %(default)s)")
    replayed = below.add_parser(
        "replay",
        help="hold the rows to the suite of today, and use those that meet it: features go to the online store, events "
        "into a file for `python -m ingestion.replay`",
    )
    add_repo(replayed)
    replayed.add_argument("name", help="as `list` prints it")
    replayed.add_argument("--to", type=Path, metavar="FILE", help="events: the parquet file to write")
    replayed.add_argument("--accept", default="", metavar="REASON", help="use the others too; kept with them")
    released = below.add_parser("release", help="close an entry without using its rows")
    released.add_argument("name", help="as `list` prints it")
    released.add_argument("--reason", required=True, help="why; kept with the entry")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Look at the quarantine, or decide about what is in it."""
    from expectations import quarantine_desk as desk  # noqa: PLC0415
    from expectations.quarantine import QuarantineError  # noqa: PLC0415

    try:
        match options.action:
            case "list":
                return desk.show_entries(console, closed=options.all)
            case "show":
                return desk.show_rows(console, options.name, options.count)
            case "replay":
                return desk.replay(console, options.repo, options.name, options.to, options.accept)
            case _:
                return desk.release(console, options.name, options.reason)
    except QuarantineError as error:
        print(error, file=sys.stderr)
        return 2
