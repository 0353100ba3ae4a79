"""Promotions against the checks of a version: by whom, when and why, kept beside the version and never rewritten."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from artefact.errors import ArtefactError
from artefact.folder import OVERRIDES_FILE


class Override(BaseModel):
    """A version was put in use although checks of it failed.

    Attributes:
        by: Account and machine.
        reason: Why, in their words.
        time: When.
        failed: Name of each check that failed -> what it had found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str
    reason: str = Field(min_length=1)
    time: AwareDatetime
    failed: Mapping[str, str]


def load_overrides(path: Path) -> tuple[Override, ...]:
    """Of the artefact folder ``path``, the oldest first; none where its checks were never overruled.

    Raises:
        ArtefactError: if the file cannot be read.
    """
    file = path / OVERRIDES_FILE
    try:
        return tuple(Override.model_validate_json(line) for line in file.read_bytes().splitlines())
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        raise ArtefactError(f"the overrides {file} cannot be read: {error}") from error


def keep_override(override: Override, path: Path) -> None:
    """Add a line to the overrides of the artefact folder ``path``; those that are there stay."""
    with (path / OVERRIDES_FILE).open("ab") as file:
        file.write(override.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
