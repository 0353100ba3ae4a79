"""Converted models against their originals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from training.calibrated import CalibratedModel, calibrate, raw_scores, sigmoid
from training.convert import convert, open_model, to_onnx, verify
from training.errors import ConversionError
from training.estimators import FRAUD_ESTIMATORS, gradient_boosting
from training.settings import TrainingSettings

SETTINGS = TrainingSettings()
Labelled = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def rows(count: int, seed: int) -> Labelled:
    """Five inputs, a tenth of them null, one of them whole numbers; a fifth of the labels 1."""
    rng = np.random.default_rng(seed)
    inputs = rng.lognormal(1, 2, (count, 5)).astype(np.float32)
    inputs[:, 4] = rng.integers(-1, 7, count)
    odds = np.log(inputs[:, 0]) + (inputs[:, 4] == 3) + rng.normal(size=count)
    inputs[rng.random(inputs.shape) < 0.1] = np.nan
    return inputs, (odds > 3).astype(np.int64)


def calibrated(estimator: Any) -> CalibratedModel:
    """Fitted to some rows, calibrated on others."""
    estimator.fit(*rows(4_000, 1))
    unseen, labels = rows(4_000, 2)
    return calibrate(estimator, raw_scores(estimator, unseen), labels)


@pytest.fixture(params=FRAUD_ESTIMATORS.values(), ids=FRAUD_ESTIMATORS.keys(), scope="module")
def model(request: pytest.FixtureRequest) -> CalibratedModel:
    """Each estimator, fitted and calibrated."""
    make: Callable[[TrainingSettings], Any] = request.param
    return calibrated(make(SETTINGS))


def test_converted_scores_agree_with_the_original(model: CalibratedModel) -> None:
    """To 1e-5 on 10,000 rows that neither has seen, nulls included."""
    unseen, _ = rows(10_000, 3)
    converted = convert(model, "fraud", unseen)
    assert converted.largest_difference < 1e-5
    assert converted.rows == 10_000
    assert converted.scores(unseen).shape == (10_000,)


def test_the_same_model_gives_the_same_bytes(model: CalibratedModel) -> None:
    """So that a version can be named after its content."""
    again = [to_onnx(model, 5, "fraud").SerializeToString(deterministic=True) for _ in range(2)]
    assert again[0] == again[1]


def test_one_row_is_scored_as_many_are(model: CalibratedModel) -> None:
    """The graph has one input and one output and takes any number of rows."""
    graph, (unseen, _) = to_onnx(model, 5, "fraud"), rows(3, 4)
    assert [i.name for i in graph.graph.input] == ["features"]
    assert [o.name for o in graph.graph.output] == ["probability"]
    score = open_model(graph.SerializeToString())
    together = score(unseen)
    alone = [score(row[None, :])[0] for row in unseen]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_probabilities_are_calibrated(model: CalibratedModel) -> None:
    """Their mean is the share of ones."""
    unseen, labels = rows(20_000, 5)
    assert model.probability(unseen).mean() == pytest.approx(labels.mean(), abs=0.02)


def test_a_split_between_neighbouring_floats_is_converted_exactly() -> None:
    """Its threshold rounds up to the upper one in float32, which would send that one to the wrong side."""
    low = np.float32(1_000_000.0625)
    inputs = np.repeat([low, np.nextafter(low, np.float32(np.inf))], 500)[:, None]
    labels = np.repeat([0, 1], 500)
    estimator = gradient_boosting(SETTINGS).fit(inputs, labels)
    assert (
        verify(CalibratedModel(estimator, 1, 0), to_onnx(CalibratedModel(estimator, 1, 0), 1, "m"), inputs)
        < 1e-5
    )


def test_a_conversion_that_differs_is_refused_with_the_difference() -> None:
    """The worst row is shown."""
    inputs, labels = rows(1_000, 1)
    estimator = gradient_boosting(SETTINGS).fit(inputs, labels)
    other = to_onnx(CalibratedModel(estimator, 1, 0.1), 5, "m")
    with pytest.raises(ConversionError, match=r"1000 of 1000 converted scores differ .* worst by 0\.0"):
        verify(CalibratedModel(estimator, 1, 0), other, inputs)


def test_weighted_rows_calibrate_like_the_rows_they_stand_for() -> None:
    """Negatives kept at one in ten and weighted by ten give back the probabilities of all."""
    estimator = gradient_boosting(SETTINGS).fit(*rows(4_000, 1))
    inputs, labels = rows(40_000, 2)
    kept = (labels == 1) | (np.random.default_rng(3).random(len(labels)) < 0.1)
    weights = np.where(labels[kept] == 1, 1.0, 10.0)
    sampled = calibrate(estimator, raw_scores(estimator, inputs[kept]), labels[kept], weights)
    unseen, truth = rows(20_000, 4)
    assert sampled.probability(unseen).mean() == pytest.approx(truth.mean(), abs=0.02)


def test_a_model_that_ranks_backwards_cannot_be_calibrated() -> None:
    """Swapped labels are found out."""
    inputs, labels = rows(2_000, 1)
    estimator = gradient_boosting(SETTINGS).fit(inputs, labels)
    with pytest.raises(ValueError, match="check the labels"):
        calibrate(estimator, raw_scores(estimator, inputs), 1 - labels)


def test_raw_scores_of_a_certain_forest_are_finite() -> None:
    """A probability of 0 is kept off the end of the scale."""
    estimator = FRAUD_ESTIMATORS["random_forest"](SETTINGS).fit(*rows(2_000, 1))
    assert np.isfinite(raw_scores(estimator, rows(2_000, 2)[0])).all()


def test_the_sigmoid_does_not_overflow() -> None:
    """At its ends it is 0 and 1."""
    np.testing.assert_array_equal(sigmoid(np.array([-1e4, 0.0, 1e4])), [0, 0.5, 1])
