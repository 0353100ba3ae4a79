"""From an empty data folder to a platform that can serve: definitions, history, gate, models, online store."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.platform import Platform
from infra.steps import Steps

FEAST = str(Path(sys.executable).with_name("feast"))
STEPS = 9
EVER = "2000-01-01T00:00:00"
"""Customers and products are as old as their last change: materialize from before all of them."""


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours by this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


def bootstrap(platform: Platform, steps: Steps, *, days: float, scale: float) -> None:
    """Fill an empty world with a simulated shop's history and train on it; `STEPS` steps.

    Args:
        platform: Its services run already.
        steps: Runs the commands; its environment must be the platform's.
        days: Length of the history.
        scale: Customers, in units of the simulator's usual number.

    Raises:
        StepFailedError: a command failed; the message shows the end of its log.
    """
    repo = str(platform.settings.feature_repo)
    now = datetime.now(UTC)
    steps.command("feast apply", [FEAST, "-c", repo, "apply"])
    steps.command(
        "history", python("ingestion.simulate", "history", "--days", str(days), "--scale", str(scale))
    )
    steps.command("product statistics", python("ingestion.batch", "--repo", repo))
    steps.command("expectations", python("expectations", "check", "--whole", "--repo", repo))
    steps.command("training fraud", python("training", "fraud", "--repo", repo))
    steps.command("training recommendation", python("training", "recommendation", "--repo", repo))
    steps.command("feast materialize", [FEAST, "-c", repo, "materialize", EVER, f"{now:%FT%T}"])
    steps.call("stream worker", platform.start_stream_worker)
    steps.call("API", platform.start_api)
