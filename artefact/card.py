"""The model card: what a model was trained on, what it expects and how well it does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from artefact.errors import ArtefactError
from artefact.folder import CARD_FILE, write_atomically

RiskLevel = Literal["LOW", "MEDIUM", "HIGH"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFeature(_Frozen):
    """One column of the model's input.

    Attributes:
        name: Name of the feature as the feature service returns it.
        dtype: Feast's name of its type, such as ``Float64`` or ``String``.
        categories: Values of a string feature in the order of their index; None for a number or boolean.
    """

    name: str
    dtype: str
    categories: tuple[str, ...] | None = None


class Thresholds(_Frozen):
    """Fraud probabilities from which the risk is MEDIUM and HIGH, each inclusive."""

    medium: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.medium > self.high:
            raise ValueError(f"medium {self.medium} is above high {self.high}")
        return self

    def level(self, probability: float) -> RiskLevel:
        """The level a fraud probability belongs to."""
        if probability >= self.high:
            return "HIGH"
        return "MEDIUM" if probability >= self.medium else "LOW"


class Rules(_Frozen):
    """The baseline of a shop without a model, for orders of which nothing is known but what they say themselves.

    Attributes:
        limits: Per feature the value from which an order is suspicious; a null never is.
        within: Share of frauds among training orders below all limits.
        beyond: Share of frauds among the others.
        preferred: Whether this did better on the held-out orders than the model on typical values.
    """

    limits: dict[str, float]
    within: float = Field(ge=0, le=1)
    beyond: float = Field(ge=0, le=1)
    preferred: bool

    def probability(self, features: Mapping[str, Any]) -> float:
        """Of fraud, from feature values by name."""
        given = ((features.get(name), limit) for name, limit in self.limits.items())
        return (
            self.beyond
            if any(value is not None and value >= limit for value, limit in given)
            else self.within
        )


class DataWindow(_Frozen):
    """Event times of the training rows, half-open."""

    start: AwareDatetime
    end: AwareDatetime


class AcceptedBatch(_Frozen):
    """A training set that broke its expectations and was taken all the same.

    Attributes:
        by: Account and machine.
        reason: Why, in their words.
        time: When.
        failures: Which expectations did not hold.
    """

    by: str
    reason: str
    time: AwareDatetime
    failures: tuple[str, ...]


class Card(_Frozen):
    """What is known about one version of a model.

    Attributes:
        model: ``fraud`` or ``recommendation``.
        version: Name of the version, also of its folder.
        feature_service: The Feast feature service the model reads.
        feature_service_hash: ``artefact.feature_service_hash`` of the inputs at training.
        inputs: Columns of the model's input in order.
        created: When the artefact was written.
        data_window: Event times of the training rows.
        metrics: Figures on held-out rows; may be nested.
        thresholds: Risk levels of the fraud model; None for others.
        rules: What decides where the model cannot; None where there is nothing.
        seed: Seed of the training.
        packages: Versions of the packages it was trained with.
        git_revision: Of the code it was trained by, a ``+`` behind it where that was changed; None if unknown.
        statistics: Per feature, figures of the training rows.
        accepted: Who took a training set that broke its expectations; None where it met them.
    """

    model: str
    version: str
    feature_service: str
    feature_service_hash: str
    inputs: tuple[InputFeature, ...] = Field(min_length=1)
    created: AwareDatetime
    data_window: DataWindow
    metrics: dict[str, Any]
    thresholds: Thresholds | None = None
    rules: Rules | None = None
    seed: int
    packages: dict[str, str]
    git_revision: str | None = None
    statistics: dict[str, dict[str, Any]]
    accepted: AcceptedBatch | None = None


def load_card(path: Path) -> Card:
    """Read the card of an artefact folder (or a card file).

    Raises:
        ArtefactError: if it is absent or breaks the schema.
    """
    file = path / CARD_FILE if path.is_dir() else path
    try:
        return Card.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise ArtefactError(f"there is no model card {file}; train the model again") from error
    except ValidationError as error:
        raise ArtefactError(f"the model card {file} cannot be read: {error}") from error


def save_card(card: Card, path: Path) -> Path:
    """Write ``card.json`` into the artefact folder ``path``, whole or not at all; returns the file."""
    file = path / CARD_FILE
    write_atomically(file, card.model_dump_json(indent=2) + "\n")
    return file
