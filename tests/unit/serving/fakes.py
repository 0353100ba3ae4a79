"""An online store in memory, for tests of what lies above it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artefact import InputFeature, version_path
from serving.admission import Admission
from serving.answers import Arm, ModelSet, Served
from serving.candidates import Candidates
from serving.dataplane import Predictor
from serving.errors import FeaturesUnavailableError
from serving.features import Features, Readers, Row, ViewRows
from serving.metrics import Metrics
from serving.models import Model
from serving.scoring import LAST_VIEWED
from serving.shop_rules import ShopRules
from tests.small_models import save_candidates, save_model, small_card

PRODUCTS = [f"prod_{i}" for i in range(6)]
"""prod_0 is out of stock; the higher the number, the better the score."""


STORED_AT_US = 1_790_000_000_000_000
"""Event timestamp of every row."""


class Notebook:
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        self.served: list[Served] = []

    def record(self, served: Served) -> None:
        self.served.append(served)


class MemoryReader:
    """Answers from a table of rows by user or product; counts how many rows each read had.

    Attributes:
        away: Where set, reads fail with this reason.
        reads: Rows of each read so far.
    """

    def __init__(self, names: Sequence[str], values: Mapping[str, Mapping[str, Any]]) -> None:
        self._names = names
        self._values = values
        self.away: str | None = None
        self.reads: list[list[Row]] = []

    async def read(self, rows: Sequence[Row]) -> Features:
        if self.away:
            raise FeaturesUnavailableError(self.away)
        self.reads.append(list(rows))
        columns = {name: [self._value(name, row) for row in rows] for name in self._names}
        found = [row["user_id"] in self._values for row in rows]
        customers = ViewRows(
            ["PRESENT" if known else "NOT_FOUND" for known in found],
            [STORED_AT_US if known else None for known in found],
            ["live"] * len(rows),
        )
        return Features(columns, {"customers": customers})

    def _value(self, name: str, row: Row) -> Any:
        known = {
            **row,
            **self._values.get(row["user_id"], {}),
            **self._values.get(row.get("product_id", ""), {}),
        }
        return known.get(name)


def small_models(folder: Path) -> tuple[Model, Model]:
    """A fraud model of the amount and a recommendation model of ``product_worth``."""
    inputs = {"fraud": "transaction_amount", "recommendation": "product_worth"}
    for name, feature in inputs.items():
        usual = {feature: {"null_share": 0.0, "quantiles": {"0.5": 50.0}}}
        card = small_card(name, [InputFeature(name=feature, dtype="Float64")], statistics=usual)
        save_model(card, folder, trees=20)
    save_candidates(PRODUCTS, version_path(folder, "recommendation", "v1"))
    fraud, recommendation = (Model.load(version_path(folder, name, "v1")) for name in inputs)
    return fraud, recommendation


def memory_readers() -> Readers:
    """Users have looked at the product of their number; the higher its number, the more a product is worth."""
    products = {
        name: {"product_worth": 30.0 + 8 * i, "product_in_stock": i > 0} for i, name in enumerate(PRODUCTS)
    }
    last_viewed = LAST_VIEWED.partition(":")[2]
    viewed = {f"user_{i}": {last_viewed: name} for i, name in enumerate(PRODUCTS)}
    known = products | viewed
    return Readers(
        order=MemoryReader(["product_worth", last_viewed], known),
        last_viewed=MemoryReader([last_viewed], viewed),
        ranking=MemoryReader(["product_worth", "product_in_stock", last_viewed], known),
    )


class Champions:
    """One arm for all."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def choose(self, user_id: str) -> Arm:  # noqa: ARG002  all are alike
        """See Arms."""
        return self._arm

    def every(self) -> Sequence[Arm]:
        """See Arms."""
        return (self._arm,)

    def decided(self, arm: Arm, served: Served) -> None:
        """See Arms."""


def champion(models: tuple[Model, Model]) -> Arm:
    """Both models as the arm of all."""
    fraud, recommendation = models
    return Arm("champion", None, fraud, recommendation, Candidates.load(recommendation.folder))


def model_set(models: tuple[Model, Model], readers: Readers) -> ModelSet:
    """One arm for all."""
    return ModelSet(Champions(champion(models)), {model.version: model for model in models}, readers)


def predictor_of(models: tuple[Model, Model], readers: Readers, **changes: Any) -> Predictor:
    """The data plane over them."""
    metrics = Metrics()
    given: dict[str, Any] = {
        "journal": Notebook(),
        "metrics": metrics,
        "admission": Admission(100, metrics),
        "candidates_max": 50,
        "rules": ShopRules(),
    } | changes
    return Predictor(models=model_set(models, readers), **given)
