"""Promotion of a version by hand: where its checks held, or for a reason that is kept with the version."""

from datetime import datetime
from pathlib import Path
from typing import Final

from artefact import ArtefactError, Override, whole_version
from artefact.folder import VERDICT_FILE
from artefact.overrides import keep_override
from expectations.kept import whoami
from training.verdict import Verdict
from training.versions import promote

NEVER_JUDGED: Final = {"verdict": "it was never judged"}
"""What stands for the checks of a version that has no verdict."""


def promote_judged(models_dir: Path, model: str, version: str, reason: str, now: datetime) -> None:
    """Put a version in use; where checks of it failed, only for a reason.

    Args:
        models_dir: Folder of the models.
        model: Name of the model.
        version: Name of its version.
        reason: Why failed checks are overruled; empty: they are not. It is not kept where all checks held.
        now: The present, aware.

    Raises:
        ArtefactError: if the version is not whole, or checks failed and there is no reason.
    """
    folder = whole_version(models_dir, model, version)
    failed = failed_checks(folder)
    if failed and not reason.strip():
        raise ArtefactError(
            f"version {version!r} of model {model!r} failed its checks: {', '.join(failed)}; see its report.html, or "
            "promote it with --anyway REASON, which is kept with the version"
        )
    if failed:
        # Before it is in use: no version decides against its checks without a record of it.
        keep_override(Override(by=whoami(), reason=reason.strip(), time=now, failed=failed), folder)
    promote(models_dir, model, version)


def failed_checks(folder: Path) -> dict[str, str]:
    """Names of the checks of a published version that did not hold, with what they found."""
    if not (folder / VERDICT_FILE).exists():
        return NEVER_JUDGED
    return {check.name: check.detail for check in Verdict.load(folder).checks if not check.holds}
