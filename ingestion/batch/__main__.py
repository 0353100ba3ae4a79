"""Daily product statistics from the archives of orders and page views: `python -m ingestion.batch`.

Writes one file per midnight that has none yet to the table of the view ``product_statistics``; run it once a day.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ingestion.batch.settings import BatchSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is missing; the exit status."""
    options = _parser(BatchSettings()).parse_args(argv)
    # Seconds of import, which --help does not need.
    from feast import FeatureStore  # noqa: PLC0415

    from ingestion.batch.job import ProductStatistics  # noqa: PLC0415

    job = ProductStatistics(FeatureStore(repo_path=str(options.repo)))
    midnights = job.missing(options.as_of or datetime.now(UTC), again=options.again)
    with Progress(console=Console(stderr=True)) as progress:
        products = [
            count
            for _, count in progress.track(job.write(midnights), len(midnights), description="midnights")
        ]
    print(f"product_statistics: {len(midnights)} midnights, {sum(products)} rows in {job.table.url}")
    return 0


def _parser(settings: BatchSettings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ingestion.batch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repo",
        type=Path,
        default=settings.feature_repo,
        help="feature repository (SHOP_FEATURE_REPO, %(default)s)",
    )
    parser.add_argument("--as-of", type=_instant, help="last instant, ISO 8601 with zone; by default now")
    parser.add_argument("--again", action="store_true", help="compute every midnight anew")
    return parser


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; write it as {text}Z")
    return instant


if __name__ == "__main__":
    sys.exit(main())
