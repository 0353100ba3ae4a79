"""The process of one task: `python -m expectations.watch.child TASK`. Its outcome is JSON on standard output.

What libraries print goes to standard error, which the watch logs where the task fails.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import msgspec

from expectations.served import NoPredictionsError
from expectations.settings import QualitySettings
from expectations.watch.outcome import Outcome
from expectations.watch.settings import TASKS


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 1 where the task could not be done."""
    parser = argparse.ArgumentParser(prog="python -m expectations.watch.child", description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--repo", type=Path, required=True, help="folder of feature_store.yaml")
    options = parser.parse_args(arguments)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as told:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        outcome = done(options.task, options.repo)
        told.write(msgspec.json.encode(outcome))
    return 1 if outcome.failed else 0


def done(task: str, repo: Path) -> Outcome:
    """Do a task; whatever keeps it from being done is its outcome, too."""
    try:
        outcome: Outcome = import_module(f"expectations.watch.tasks.{task}").run(
            repo, QualitySettings(), datetime.now(UTC)
        )
    except NoPredictionsError as error:
        return Outcome(nothing=str(error))
    except Exception as error:  # noqa: BLE001  the watch counts it, and tries again at the next interval
        traceback.print_exc()
        return Outcome(failed=f"{type(error).__name__}: {error}")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
