"""`python -m expectations report`."""

import argparse

from rich.console import Console

from expectations.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Add the command; it has no options."""
    parser = subparsers.add_parser(
        "report",
        help="build the static site from what was measured, the prediction log and the trained models",
    )
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace, console: Console) -> int:
    """Build the Data Docs and the site."""
    from expectations.reports import Reports  # noqa: PLC0415
    from expectations.settings import QualitySettings  # noqa: PLC0415

    with console.status("building the report") as status:
        page = Reports(QualitySettings()).build(lambda step: status.update(f"building the report: {step}"))
    console.print(f"reports: {page}", soft_wrap=True)
    return 0
