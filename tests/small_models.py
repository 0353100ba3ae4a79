"""Model artefacts small enough for a test, trained on random rows."""

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from artefact import (
    CANDIDATES_FILE,
    MODEL_FILE,
    POPULAR_FILE,
    Card,
    InputFeature,
    Thresholds,
    encode_rows,
    save_card,
    set_champion,
    version_path,
)

CATEGORIES = ("books", "garden", "toys")
CREATED = datetime(2026, 2, 1, tzinfo=UTC)


def small_card(name: str, inputs: Sequence[InputFeature], **changes: Any) -> Card:
    """A card with thresholds 0.3 and 0.7 where the model is the fraud model."""
    said: dict[str, Any] = {
        "model": name,
        "version": "v1",
        "feature_service": f"{name}_v1",
        "feature_service_hash": "0",
        "inputs": tuple(inputs),
        "created": CREATED,
        "data_window": {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": CREATED},
        "metrics": {},
        "thresholds": Thresholds(medium=0.3, high=0.7) if name == "fraud" else None,
        "seed": 7,
        "packages": {},
        "statistics": {},
    }
    return Card.model_validate(said | changes)


def save_model(card: Card, models: Path, *, trees: int = 5) -> HistGradientBoostingClassifier:
    """Train, write the artefact and make it champion; a high first input makes a high probability."""
    estimator = _fitted(card, trees)
    folder = version_path(models, card.model, card.version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(to_onnx(estimator, len(card.inputs)))
    save_card(card, folder)
    set_champion(models, card.model, card.version)
    return estimator


def save_candidates(products: Sequence[str], folder: Path) -> None:
    """Every product goes with itself and the three that follow it; the first ten are popular."""
    around = [
        (product, products[(i + step) % len(products)], step, 1.0 / (1 + step))
        for i, product in enumerate(products)
        for step in range(4)
    ]
    columns = ["product_id", "candidate_id", "rank", "score"]
    pl.DataFrame(around, schema=columns, orient="row").write_parquet(folder / CANDIDATES_FILE)
    popular = products[:10]
    ranked = pl.DataFrame({"product_id": popular, "rank": range(1, len(popular) + 1)})
    ranked.write_parquet(folder / POPULAR_FILE)


def to_onnx(estimator: Any, features: int) -> bytes:
    """``features`` [N, F] in, ``probability`` [N] of the positive class out."""
    with warnings.catch_warnings():
        # skl2onnx writes a boolean where onnx wants 0 or 1.
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = convert_sklearn(
            estimator,
            "small",
            [("features", FloatTensorType([None, features]))],
            options={id(estimator): {"zipmap": False}},
            target_opset={"": 18, "ai.onnx.ml": 3},
        )
    graph = select_model_inputs_outputs(graph, outputs=["probabilities"])
    graph.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "positive"))
    graph.graph.node.append(
        helper.make_node("Gather", ["probabilities", "positive"], ["probability"], axis=1)
    )
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None]))
    return graph.SerializeToString()


def _fitted(card: Card, trees: int) -> HistGradientBoostingClassifier:
    chance = np.random.default_rng(7)
    columns = {
        feature.name: chance.choice(CATEGORIES, 400) if feature.categories else chance.uniform(0, 100, 400)
        for feature in card.inputs
    }
    rows = encode_rows(card, columns)
    labels = rows[:, 0] + chance.normal(0, 10, len(rows)) > 50
    # With a thread for each core, four hundred rows take a second on idle cores and half a minute on busy ones.
    with threadpool_limits(1):
        return HistGradientBoostingClassifier(max_iter=trees, random_state=7).fit(rows, labels)
