"""``python -m training fraud|recommendation|all``: train, evaluate, publish and promote."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

MODELS = ("fraud", "recommendation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every model was trained, 1 with the reason on stderr if one was not."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("model", choices=(*MODELS, "all"), help="which model to train")
    parser.add_argument(
        "--repo", type=Path, default=Path("feature_repo"), help="folder of feature_store.yaml"
    )
    parser.add_argument(
        "--accept-batch",
        default="",
        metavar="REASON",
        help="train on a training set that breaks its expectations too; who and why is kept in the card",
    )
    options = parser.parse_args(arguments)
    wanted = MODELS if options.model == "all" else (options.model,)
    # Behind the parser: these imports take seconds, --help does not.
    from training.run import run  # noqa: PLC0415

    return run(wanted, options.repo, options.accept_batch)


if __name__ == "__main__":
    sys.exit(main())
