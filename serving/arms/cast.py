"""Which models are loaded, and which part each has. Control path.

The champion pointers and the experiments of the models folder say what is wanted. What cannot be loaded, or does not fit,
is refused with a reason: a champion keeps its place then, an experiment rests, a shadow is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from artefact import ArtefactError, Card, champion_path, load_card, version_path
from artefact.experiments import (
    CHALLENGER,
    CHAMPION,
    EXPERIMENTS_FILE,
    SHADOW,
    Experiment,
    load_experiments,
)
from serving.candidates import Candidates
from serving.models import Model

FRAUD, RECOMMENDATION = "fraud", "recommendation"
_WARM_UP_ROWS = (1, 1, 64)

Fit = Callable[[Card], str | None]
"""Why a model does not fit what is registered; None where it does."""


@dataclass(frozen=True)
class Running:
    """An experiment whose models are all loaded.

    Attributes:
        experiment: As it stands in the file.
        challenger: None where there are only shadows.
        shadows: Without those that were refused.
    """

    experiment: Experiment
    challenger: Model | None
    shadows: tuple[Model, ...]


@dataclass(frozen=True)
class Cast:
    """Models and their parts.

    Attributes:
        champions: The model in use, by name of the model.
        running: Experiments that are applied.
        candidates: What recommendation models rank, by ``recommendation@<version>``.
        refused: Why something that is wanted is not in use, by ``<model>@<version>``, ``experiment <name>`` or file.
    """

    champions: Mapping[str, Model]
    running: tuple[Running, ...]
    candidates: Mapping[str, Candidates]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> Iterator[tuple[str, Model]]:
        """Every model with its part: champion, challenger or shadow."""
        yield from ((CHAMPION, model) for model in self.champions.values())
        for one in self.running:
            yield from ((CHALLENGER, model) for model in (one.challenger,) if model)
            yield from ((SHADOW, model) for model in one.shadows)

    @property
    def models(self) -> dict[str, Model]:
        """All that are loaded, by ``<model>@<version>``."""
        return {model.version: model for _, model in self.parts}


def wanted(models_dir: Path) -> tuple[bytes | None, ...]:
    """Content of the files that decide which models are in use: while it is the same, so is what is wanted."""
    files = (
        *(models_dir / name / "champion" for name in (FRAUD, RECOMMENDATION)),
        models_dir / EXPERIMENTS_FILE,
    )
    return tuple(file.read_bytes() if file.is_file() else None for file in files)


def load_cast(models_dir: Path, fit: Fit, held: Cast | None = None) -> Cast:
    """Load what the models folder asks for; models that are held already are taken from there.

    Raises:
        ArtefactError: if a champion cannot be used and none is held in its place.
    """
    return _Loading(models_dir, fit, held).cast()


class _Loading:
    """One look at the models folder."""

    def __init__(self, models_dir: Path, fit: Fit, held: Cast | None) -> None:
        self._models_dir = models_dir
        self._fit = fit
        self._held = held
        self._known = dict(held.models) if held else {}
        self._candidates = dict(held.candidates) if held else {}
        self._refused: dict[str, str] = {}

    def cast(self) -> Cast:
        champions = {name: self._champion(name) for name in (FRAUD, RECOMMENDATION)}
        running = tuple(found for one in self._experiments() if (found := self._running(one, champions)))
        cast = Cast(champions, running, self._candidates, self._refused)
        ranked = {
            version: self._candidates[version] for version in cast.models if version in self._candidates
        }
        return Cast(champions, running, ranked, self._refused)

    def _champion(self, name: str) -> Model:
        kept = self._held.champions[name] if self._held else None
        try:
            folder = champion_path(self._models_dir, name)
        except ArtefactError as error:
            if kept is None:
                raise
            self._refused[name] = f"{error}; {kept.version} stays in use"
            return kept
        try:
            return self._model(name, folder.name)
        except ArtefactError as error:
            if kept is None:
                raise
            self._refused[f"{name}@{folder.name}"] = f"{error}; {kept.version} stays in use"
            return kept

    def _experiments(self) -> Sequence[Experiment]:
        try:
            return [one for one in load_experiments(self._models_dir) if one.running]
        except ArtefactError as error:
            self._refused[EXPERIMENTS_FILE] = f"{error}; no experiment is applied"
            return []

    def _running(self, experiment: Experiment, champions: Mapping[str, Model]) -> Running | None:
        in_use = champions[experiment.model].card.version
        if in_use != experiment.champion:
            self._refused[f"experiment {experiment.name}"] = (
                f"it compares with {experiment.champion}, and {in_use} is in use; stop it and start another"
            )
            return None
        challenger = self._optional(experiment.model, experiment.challenger)
        if experiment.challenger and challenger is None:
            self._refused[f"experiment {experiment.name}"] = (
                f"its challenger {experiment.challenger} cannot be used; the champion answers everybody"
            )
            return None
        shadows = (self._optional(experiment.model, version) for version in experiment.shadows)
        return Running(experiment, challenger, tuple(model for model in shadows if model))

    def _optional(self, name: str, version: str | None) -> Model | None:
        if version is None:
            return None
        try:
            return self._model(name, version)
        except ArtefactError as error:
            self._refused[f"{name}@{version}"] = str(error)
            return None

    def _model(self, name: str, version: str) -> Model:
        """The version: held, or loaded, checked and warmed up.

        Raises:
            ArtefactError: if it cannot be read or does not fit.
        """
        key = f"{name}@{version}"
        if key not in self._known:
            try:
                self._known[key] = self._loaded(name, version_path(self._models_dir, name, version))
            except ArtefactError:
                raise
            except Exception as error:  # onnxruntime's and polars' own errors
                raise ArtefactError(f"{key} cannot be used: {error}; train it again") from error
        return self._known[key]

    def _loaded(self, name: str, folder: Path) -> Model:
        self._check(load_card(folder), name, folder)
        model = Model.load(folder)
        if name == RECOMMENDATION:
            self._candidates[model.version] = Candidates.load(folder)
        _warm_up(model)
        return model

    def _check(self, card: Card, name: str, folder: Path) -> None:
        if card.model != name:
            raise ArtefactError(f"{folder} holds a model {card.model!r}, not {name!r}")
        if card.version != folder.name:
            raise ArtefactError(f"the card in {folder} is of version {card.version!r}; restore the folder")
        if name == FRAUD and card.thresholds is None:
            raise ArtefactError(
                f"the card of {name}@{card.version} has no thresholds, so no risk level; train it again"
            )
        if reason := self._fit(card):
            raise ArtefactError(reason)


def _warm_up(model: Model) -> None:
    """The first run of a session allocates what later ones use; rows of nulls do."""
    for rows in _WARM_UP_ROWS:
        model.score(np.full((rows, len(model.card.inputs)), np.nan, dtype=np.float32))
