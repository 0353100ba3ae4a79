"""Experiments: which versions answer for which share of the customers. A small file in the models folder.

An experiment that was stopped stays in the file: the report needs to know when it ran.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from artefact.errors import ArtefactError
from artefact.folder import write_atomically

EXPERIMENTS_FILE = "experiments.json"
CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"
"""Parts of the versions; the first two are arms."""

ModelName = Literal["fraud", "recommendation"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Letters, digits, '.', '_' and '-', so that it is a label of a metric and part of a file name as it is."""


class Experiment(BaseModel):
    """One experiment with one model.

    Attributes:
        name: Unique among all in the file.
        model: Whose versions are compared.
        salt: Decides with the customer's id which arm they are in.
        champion: Version that was in use at the start; while another one is, the experiment rests.
        challenger: Version that answers for ``share`` of the customers; None if there are only shadows.
        share: Of the customers, in (0, 0.5]; None without challenger.
        shadows: Versions that score what was answered and decide nothing.
        effect: Difference of the arms' rates that the experiment is for; chosen before it, as it shapes the test.
        started: When.
        stopped: When; None while it runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    model: ModelName
    salt: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[ -~]+$")]
    champion: Name
    challenger: Name | None = None
    share: Annotated[float, Field(gt=0, le=0.5)] | None = None
    shadows: tuple[Name, ...] = ()
    effect: Annotated[float, Field(gt=0, lt=1)] = 0.02
    started: AwareDatetime
    stopped: AwareDatetime | None = None

    @model_validator(mode="after")
    def _has_something_to_compare(self) -> Self:
        if (self.challenger is None) != (self.share is None):
            raise ValueError("a challenger and its share are given together, or neither is")
        if self.challenger is None and not self.shadows:
            raise ValueError("name a challenger or a shadow: there is nothing to compare")
        versions = [version for version in (self.champion, self.challenger, *self.shadows) if version]
        if repeated := sorted({version for version in versions if versions.count(version) > 1}):
            raise ValueError(f"version {repeated[0]!r} has two parts; each version has one")
        if self.stopped is not None and self.stopped < self.started:
            raise ValueError(f"stopped {self.stopped} lies before started {self.started}")
        return self

    @property
    def running(self) -> bool:
        """Whether it was not stopped."""
        return self.stopped is None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    experiments: tuple[Experiment, ...] = ()

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        names = [one.name for one in self.experiments]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"experiment {repeated[0]!r} exists already; choose another name")
        running = [one for one in self.experiments if one.running]
        for one in running:
            if other := next((o.name for o in running if o.model == one.model and o.name != one.name), None):
                raise ValueError(
                    f"experiments {one.name!r} and {other!r} both run with model {one.model!r}; stop one of them"
                )
        return self


def load_experiments(models_dir: Path) -> tuple[Experiment, ...]:
    """All experiments, in the order in which they were started; none where there is no file.

    Raises:
        ArtefactError: if the file breaks the schema: it names field, value and what is allowed.
    """
    file = models_dir / EXPERIMENTS_FILE
    try:
        return _File.model_validate_json(file.read_bytes()).experiments
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        raise ArtefactError(
            f"{file} cannot be used: {explained(error)}; correct it, or delete it to end all experiments"
        ) from error


def change_experiments(
    models_dir: Path, change: Callable[[Sequence[Experiment]], Sequence[Experiment]]
) -> tuple[Experiment, ...]:
    """Replace the experiments by what ``change`` makes of them, whole or not at all, one program at a time.

    Raises:
        ArtefactError: if the models folder is absent, or the file or what became of it breaks the schema.
    """
    with _alone_in(models_dir):
        try:
            changed = _File(experiments=tuple(change(load_experiments(models_dir))))
        except ValidationError as error:
            raise ArtefactError(explained(error)) from error
        write_atomically(models_dir / EXPERIMENTS_FILE, changed.model_dump_json(indent=2) + "\n")
    return changed.experiments


def explained(error: ValidationError) -> str:
    """Each wrong field with its value and what is allowed, in one line."""
    return "; ".join(_explained(dict(one)) for one in error.errors(include_url=False))


def _explained(error: dict[str, object]) -> str:
    place = error["loc"]
    said = str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(place, tuple) or error["type"] == "value_error":
        return said
    return f"{'.'.join(map(str, place))} {error['input']!r}: {said}"


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    try:
        held = os.open(folder, os.O_RDONLY)
    except FileNotFoundError as error:
        raise ArtefactError(f"there is no models folder {folder}; train a model first") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
