"""The versions of a model on disk and which one is in use.

``<models>/<model>/promotions`` lists what was promoted, the newest last, so that a promotion can be taken back.
"""

from collections.abc import Iterator
from pathlib import Path

from artefact import CARD_FILE, ArtefactError, champion_path, set_champion, version_path
from artefact.folder import write_atomically

PROMOTIONS_FILE = "promotions"


def versions(models_dir: Path, model: str) -> list[str]:
    """Published versions, the oldest data first."""
    return sorted(card.parent.name for card in (models_dir / model).glob(f"[!.]*/{CARD_FILE}"))


def models(models_dir: Path) -> Iterator[str]:
    """Names of the models that have a version."""
    return (folder.name for folder in sorted(models_dir.glob("[!.]*")) if versions(models_dir, folder.name))


def champion(models_dir: Path, model: str) -> str | None:
    """The version in use, or None."""
    try:
        return champion_path(models_dir, model).name
    except ArtefactError:
        return None


def promote(models_dir: Path, model: str, version: str) -> None:
    """Put a version in use and remember it; promoting the champion changes nothing.

    Raises:
        ArtefactError: if the version is not there or not whole.
    """
    if champion(models_dir, model) == version:
        return
    set_champion(models_dir, model, version)
    _remember(models_dir, model, [*promotions(models_dir, model), version])


def rollback(models_dir: Path, model: str) -> str:
    """Put the version in use that was before the champion; returns it.

    Raises:
        ArtefactError: if there was none that is still there.
    """
    past = promotions(models_dir, model)[:-1]
    while past and not version_path(models_dir, model, past[-1]).is_dir():
        past.pop()
    if not past:
        raise ArtefactError(
            f"model {model!r} has no earlier champion; choose one of {versions(models_dir, model)} with `promote`"
        )
    set_champion(models_dir, model, past[-1])
    _remember(models_dir, model, past)
    return past[-1]


def promotions(models_dir: Path, model: str) -> list[str]:
    """Versions in the order in which they were promoted, as far as they were not rolled back."""
    file = models_dir / model / PROMOTIONS_FILE
    return file.read_text().split() if file.is_file() else []


def _remember(models_dir: Path, model: str, history: list[str]) -> None:
    write_atomically(models_dir / model / PROMOTIONS_FILE, "".join(f"{version}\n" for version in history))
