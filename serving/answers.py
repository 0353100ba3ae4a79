"""What one answer is made of, who decides it and who is told of it. Hot path.

Nobody changes what is made for each answer; it is not frozen all the same, since frozen objects take thrice the time to make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from artefact import RiskLevel
from serving.candidates import Candidates
from serving.features import Readers, Row, Rung, Status
from serving.models import Model


@dataclass(slots=True)
class ViewUse:
    """What one feature view gave to one answer.

    Attributes:
        status: What became of the row.
        event_timestamp_us: Unix microseconds of the stored row; None where there is none.
        age_seconds: From then until the features were read.
        rung: Where the values come from.
    """

    status: Status
    event_timestamp_us: int | None
    age_seconds: float | None
    rung: Rung


@dataclass(slots=True)
class Score:
    """What one model said.

    Attributes:
        version: ``fraud@<version>``.
        probability: Its output.
        inputs: The encoded row in the order of the card's inputs, float32; None is null.
        arm: Name of the arm it belongs to.
        shadow: Whether it had no say in the answer.
    """

    version: str
    probability: float
    inputs: list[float | None]
    arm: str | None
    shadow: bool


@dataclass(slots=True)
class Served:
    """One prediction with all that it was made of.

    Attributes:
        request_id: Of the request; a batch and a list of recommendations have one for all of their predictions.
        time_us: Unix microseconds of the wall clock when the features were read.
        row: Join keys and request columns.
        rung: The worst rung among its views.
        views: By name of the feature view.
        features: Stored and on-demand values as they were used, by name.
        scores: By name of the model; a recommendation has one, an order two.
        risk_level: None without a fraud model.
        latency_ms: From the question to the answer.
    """

    request_id: str
    time_us: int
    row: Row
    rung: Rung
    views: Mapping[str, ViewUse]
    features: Mapping[str, Any]
    scores: Mapping[str, Score]
    risk_level: RiskLevel | None
    latency_ms: float


class Journal(Protocol):
    """Is told of every prediction."""

    def record(self, served: Served) -> None:
        """Take note; never blocks and never raises."""
        ...


class NoJournal:
    """Takes no note: where predictions are not logged, and of those that warm the API up."""

    def record(self, served: Served) -> None:
        """See Journal."""


@dataclass(frozen=True, eq=False)
class Arm:
    """The models that decide for some customers.

    Attributes:
        name: Such as ``champion``.
        experiment: The experiment it belongs to; None outside of any.
        fraud: Has thresholds.
        recommendation: Ranks.
        candidates: What it ranks.
        shadows: Models that score the same rows without deciding.
    """

    name: str
    experiment: str | None
    fraud: Model
    recommendation: Model
    candidates: Candidates
    shadows: tuple[Model, ...] = ()


class Arms(Protocol):
    """Who decides for whom."""

    def choose(self, user_id: str) -> Arm:
        """The arm of a customer: always the same one until an experiment starts or ends."""
        ...

    def every(self) -> Sequence[Arm]:
        """All arms there are."""
        ...

    def decided(self, arm: Arm, served: Served) -> None:
        """Told once an answer is decided, so that shadows score beside it; never blocks and never raises."""
        ...


@dataclass(frozen=True, eq=False)
class ModelSet:
    """All models in use, replaced as a whole; a question is answered by the set it began with.

    Attributes:
        arms: Who decides for whom.
        models: All that are loaded, shadows too, by ``name@version``.
        readers: The features they read.
    """

    arms: Arms
    models: Mapping[str, Model]
    readers: Readers
