"""The commands of `python -m expectations`, a module each.

Each has ``add(subparsers)``, which adds its options and `set_defaults(run=run)`, and ``run(options, console)``, which
returns the exit status: 0, all held; 1, something did not; 2, there was nothing to do. They are imported for `--help`:
what needs Feast, Great Expectations, polars or pandas is imported inside `run`.
"""

import argparse
from pathlib import Path
from typing import Any, Protocol


class Subparsers(Protocol):
    """What `ArgumentParser.add_subparsers` returns."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:
        """A parser for a command's own options."""


def add_repo(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which Feast registry is meant."""
    parser.add_argument(
        "--repo", type=Path, default=Path("feature_repo"), help="folder of feature_store.yaml"
    )
