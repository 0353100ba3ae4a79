"""From an empty data folder to a platform that can serve: definitions, history, gate, models, online store."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.platform import Platform
from infra.steps import Steps

FEAST = str(Path(sys.executable).with_name("feast"))
STEPS = 10
MODELS = ("fraud", "recommendation")
EVER = "2000-01-01T00:00:00"
"""Customers and products are as old as their last change: materialize from before all of them."""


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours by this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


def start(platform: Platform) -> None:
    """Kafka and Redis with the topics."""
    platform.start_services()
    platform.create_topics()


def bootstrap(platform: Platform, steps: Steps, *, days: float, scale: float) -> None:
    """Apply the definitions, see that there are a history, features and models, and start the programs; `STEPS` steps.

    What an earlier run has made is kept, so that one that was interrupted can be repeated.

    Args:
        platform: Its services run already.
        steps: Runs the commands; its environment must be the platform's.
        days: Length of a simulated shop's history, written where there is none.
        scale: Its customers, in units of the simulator's usual number.

    Raises:
        StepFailedError: a command failed; the message shows the end of its log.
        ServiceError: a program did not start.
    """
    root, repo = platform.settings.data_dir, str(platform.settings.feature_repo)
    feast = [FEAST, "-c", repo]
    history = ["history", "--days", str(days), "--scale", str(scale)]
    materialized = root / ".materialized"
    steps.command("feast apply", [*feast, "apply"])
    steps.command("history", python("ingestion.simulate", *history), wanted=not _has_history(root))
    steps.command("product statistics", python("ingestion.batch", "--repo", repo))
    steps.command(
        "expectations",
        python("expectations", "check", "--whole", "--repo", repo),
        wanted=not materialized.exists(),
    )
    for model in MODELS:
        trained = (root / "models" / model / "champion").exists()
        steps.command(f"training {model}", python("training", model, "--repo", repo), wanted=not trained)
    until = f"{datetime.now(UTC):%FT%T}"
    steps.command("feast materialize", [*feast, "materialize", EVER, until], wanted=not materialized.exists())
    materialized.touch()
    steps.call("stream worker", platform.start_stream_worker)
    steps.call("prediction archive", platform.start_prediction_archive)
    steps.call("API", platform.start_api)


def _has_history(root: Path) -> bool:
    return any((root / "archive").glob("*/date=*"))
