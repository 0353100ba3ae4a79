"""A calibrated scikit-learn model as one ONNX graph: ``features`` [N, F] float32 in, ``probability`` [N] float32 out."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

from training.boosted import RAW_SCORE, BoostedTrees, boosted_graph
from training.calibrated import PROBABILITY_FLOOR, CalibratedModel, Matrix
from training.errors import ConversionError

INPUT, OUTPUT = "features", "probability"
TOLERANCE = 1e-5
"""Largest difference allowed between a converted and an original probability."""
Scorer = Callable[[Matrix], npt.NDArray[np.float64]]
_OPSET = {"": 18, "ai.onnx.ml": 3}
_SCORES = "probabilities"


@dataclass(frozen=True)
class Converted:
    """A verified conversion: the graph, and how far its scores are from the original's on so many rows."""

    graph: ModelProto
    rows: int
    largest_difference: float

    def scores(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Probabilities [N] of rows [N, F] as serving computes them."""
        return self.scorer()(rows)

    def scorer(self) -> "Scorer":
        """The model opened, for many calls."""
        return open_model(self.to_bytes())

    def figures(self) -> dict[str, float]:
        """What a card says about the conversion."""
        return {"rows": self.rows, "largest_difference": self.largest_difference}

    def to_bytes(self) -> bytes:
        """Content of the model file."""
        return self.graph.SerializeToString(deterministic=True)


def convert(model: CalibratedModel, name: str, rows: Matrix) -> Converted:
    """Convert a model and hold the result against it on ``rows`` [N, F].

    Raises:
        ConversionError: if a score differs by more than 1e-5.
    """
    graph = to_onnx(model, rows.shape[1], name)
    return Converted(graph, len(rows), verify(model, graph, rows))


def to_onnx(model: CalibratedModel, features: int, name: str) -> ModelProto:
    """Convert; the same model gives the same bytes.

    Args:
        model: The fitted model. The thresholds of a gradient booster are rounded down to float32 in place, which
            changes no score of a float32 row.
        features: Number of inputs F.
        name: Name of the graph.
    """
    graph, positive, logit = _raw_graph(model.estimator, features, name)
    _append_probability(graph, model, positive, logit=logit)
    checker.check_model(graph)
    return graph


def _raw_graph(estimator: Any, features: int, name: str) -> tuple[ModelProto, tuple[str, int], bool]:
    """The estimator alone: its graph, the output and column with the positive class, whether that is a log odds."""
    if isinstance(estimator, BoostedTrees):
        graph = boosted_graph(estimator, features, name, source=INPUT, opset=_OPSET)
        return graph, (RAW_SCORE, 0), True
    last = getattr(estimator, "steps", [(None, estimator)])[-1][1]
    _round_thresholds_down(last)
    has_raw_scores = hasattr(last, "decision_function")
    options = {id(last): {"zipmap": False} | ({"raw_scores": True} if has_raw_scores else {})}
    with warnings.catch_warnings():
        # skl2onnx writes a boolean where onnx wants 0 or 1.
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = convert_sklearn(
            estimator,
            name,
            [(INPUT, FloatTensorType([None, features]))],
            options=options,
            target_opset=_OPSET,
        )
    return select_model_inputs_outputs(graph, outputs=[_SCORES]), (_SCORES, 1), has_raw_scores


def verify(model: CalibratedModel, converted: ModelProto, rows: Matrix) -> float:
    """Largest difference between the model and its conversion, as onnxruntime computes it.

    Raises:
        ConversionError: if it is above 1e-5 on any of ``rows`` [N, F].
    """
    differences = np.abs(model.probability(rows) - open_model(converted.SerializeToString())(rows))
    largest = float(differences.max())
    if not largest <= TOLERANCE:
        worst = int(differences.argmax())
        raise ConversionError(
            f"{int((differences > TOLERANCE).sum())} of {len(rows)} converted scores differ by more than {TOLERANCE}, "
            f"the worst by {largest:.3g} at row {worst}: {rows[worst].tolist()}"
        )
    return largest


def open_model(content: bytes) -> Scorer:
    """From the content of a model file to a function of rows [N, F] that returns probabilities float64 [N]; one thread."""
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def score(rows: Matrix) -> npt.NDArray[np.float64]:
        return session.run([OUTPUT], {INPUT: rows})[0].reshape(-1).astype(np.float64)

    return score


def _round_thresholds_down(estimator: Any) -> None:
    # ONNX compares in float32: x <= t for a float32 x is the same as x <= the largest float32 not above t.
    for trees in getattr(estimator, "_predictors", ()):
        for tree in trees:
            exact = tree.nodes["num_threshold"]
            rounded = exact.astype(np.float32)
            below = np.nextafter(rounded, np.float32(-np.inf))
            tree.nodes["num_threshold"] = np.where(rounded > exact, below, rounded)


def _append_probability(
    graph: ModelProto, model: CalibratedModel, positive: tuple[str, int], *, logit: bool
) -> None:
    """Take the positive column, its logit where it is a probability, and the sigmoid of the calibration."""
    steps = _Steps(graph)
    scores, column = positive
    score = steps.add("Gather", scores, steps.constant("positive", np.array(column, np.int64)), axis=1)
    if not logit:
        floor = steps.constant("floor", np.array(PROBABILITY_FLOOR, np.float32))
        ceiling = steps.constant("ceiling", np.array(1 - PROBABILITY_FLOOR, np.float32))
        kept = steps.add("Clip", score, floor, ceiling)
        rest = steps.add("Sub", steps.constant("one", np.array(1, np.float32)), kept)
        score = steps.add("Sub", steps.add("Log", kept), steps.add("Log", rest))
    scaled = steps.add("Mul", score, steps.constant("slope", np.array(model.slope, np.float32)))
    log_odds = steps.add("Add", scaled, steps.constant("intercept", np.array(model.intercept, np.float32)))
    steps.add("Sigmoid", log_odds, output=OUTPUT)
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None]))


class _Steps:
    """Appends nodes to a graph; every name begins with ``calibration_``."""

    def __init__(self, model: ModelProto) -> None:
        self._graph = model.graph
        self._count = 0

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self._graph.initializer.append(numpy_helper.from_array(value, f"calibration_{name}"))
        return f"calibration_{name}"

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: int) -> str:
        self._count += 1
        name = output or f"calibration_{self._count}"
        self._graph.node.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name
