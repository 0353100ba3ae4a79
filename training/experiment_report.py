"""``python -m training.experiment_report NAME``: the arms of an experiment against what became of their predictions."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the report; 1 with the reason on stderr if there is none."""
    parser = argparse.ArgumentParser(prog="python -m training.experiment_report", description=__doc__)
    parser.add_argument("name", help="of the experiment, as `python -m serving.experiments list` shows it")
    parser.add_argument(
        "--repo", type=Path, default=Path("feature_repo"), help="folder of feature_store.yaml"
    )
    options = parser.parse_args(arguments)
    # Behind the parser: these imports take seconds, --help does not.
    from training.experiment import run  # noqa: PLC0415

    return run(options.name, options.repo)


if __name__ == "__main__":
    sys.exit(main())
