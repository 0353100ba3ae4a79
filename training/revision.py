"""Which code made a model."""

import subprocess
from pathlib import Path

from training.settings import TrainingSettings


def git_revision(settings: TrainingSettings, folder: Path = Path(__file__).parent) -> str | None:
    """The revision of the settings, else of the working tree, with ``+`` where it was changed since; None without git."""
    if settings.training_git_revision:
        return settings.training_git_revision
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
