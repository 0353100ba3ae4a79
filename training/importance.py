"""What a model would lose without an input: its values are shuffled among the rows (Breiman, 2001)."""

from collections.abc import Callable, Sequence

import numpy as np

from training.calibrated import Matrix
from training.fitting import Rows
from training.metrics import Floats, ranking_figures

_ROWS = 20_000


def permutation_importance(
    score: Callable[[Matrix], Floats], names: Sequence[str], rows: Rows, *, seed: int
) -> dict[str, float]:
    """Loss of average precision per input, the largest first.

    Args:
        score: From inputs [N, F] to scores [N].
        names: Names of the inputs [F].
        rows: Rows the model was not fitted on; of more than 20,000, all positives and a weighted share of the others.
        seed: Of the draw and of the shuffles.
    """
    rng = np.random.default_rng(seed)
    sample = _sampled(rows, rng)
    whole = _precision(score, sample.inputs, sample)
    losses = {}
    for column, name in enumerate(names):
        shuffled = sample.inputs.copy()
        rng.shuffle(shuffled[:, column])
        losses[name] = whole - _precision(score, shuffled, sample)
    return dict(sorted(losses.items(), key=lambda item: -item[1]))


def _precision(score: Callable[[Matrix], Floats], inputs: Matrix, rows: Rows) -> float:
    return ranking_figures(rows.labels, score(inputs), rows.weights)["average_precision"]


def _sampled(rows: Rows, rng: np.random.Generator) -> Rows:
    if len(rows.labels) <= _ROWS:
        return rows
    share = _ROWS / len(rows.labels)
    positive = rows.labels == 1
    kept = positive | (rng.random(len(rows.labels)) < share)
    weights = np.where(positive, rows.weights, rows.weights / share)
    return Rows(rows.inputs[kept], rows.labels[kept], weights[kept])
