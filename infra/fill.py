"""Fills an empty platform whose Kafka and Redis run: definitions, history, gate, models, online store.

What an earlier run has made is kept, so that one that was interrupted can be repeated. Where there is no history of
orders yet, a simulated shop's is written.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from connections.settings import describe
from infra.settings import InfraSettings
from infra.steps import StepFailedError, Steps

FEAST = str(Path(sys.executable).with_name("feast"))
STEPS = 7
MODELS = ("fraud", "recommendation")
EVER = "2000-01-01T00:00:00"
"""Customers and products are as old as their last change: materialize from before all of them."""


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours by this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


def fill(settings: InfraSettings, steps: Steps, *, days: float, scale: float) -> None:
    """Apply the definitions and see that there are a history, models and features; `STEPS` steps.

    Args:
        settings: Folders of the data and of the definitions.
        steps: Runs the commands.
        days: Length of a simulated shop's history, written where there is none.
        scale: Its customers, in units of the simulator's usual number.

    Raises:
        StepFailedError: a command failed; the message shows the end of its log.
    """
    root, repo = settings.data_dir, str(settings.feature_repo)
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


def _has_history(root: Path) -> bool:
    return any((root / "archive").glob("*/date=*"))


def parser(program: str, description: str | None) -> argparse.ArgumentParser:
    """Command line of what may write a history."""
    made = argparse.ArgumentParser(
        program,
        description=description,
        epilog="settings (environment):\n" + describe(InfraSettings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--days", type=float, default=45, help="length of a new history (default: %(default)s)")
    made.add_argument("--scale", type=float, default=1.0, help="times 5,000 customers (default: %(default)s)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = parser("python -m infra.fill", __doc__).parse_args(arguments)
    console, settings = Console(), InfraSettings()
    steps = Steps(STEPS, settings.data_dir / "logs", {}, console)
    try:
        with steps.shown():
            fill(settings, steps, days=options.days, scale=options.scale)
    except StepFailedError as error:
        console.print(f"[red]{type(error).__name__}[/] {error}", soft_wrap=True, highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
