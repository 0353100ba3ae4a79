import subprocess
from pathlib import Path

from training.revision import git_revision
from training.settings import TrainingSettings

AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.org")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *AUTHOR, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_card_names_the_code_and_whether_it_was_changed_since(tmp_path: Path) -> None:
    """By a plus; new files that git does not know change nothing."""
    settings = TrainingSettings()
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "notes").write_text("new")
    assert git_revision(settings, tmp_path) == head
    (tmp_path / "code.py").write_text("a = 2\n")
    assert git_revision(settings, tmp_path) == head + "+"


def test_without_a_repository_the_revision_is_unknown(tmp_path: Path) -> None:
    """Unless the settings name one, as an image does."""
    assert git_revision(TrainingSettings(), tmp_path) is None
    assert git_revision(TrainingSettings(training_git_revision="v1.2"), tmp_path) == "v1.2"
