import numpy as np
import polars as pl

from training.fitting import Rows
from training.importance import permutation_importance


def rows(count: int) -> Rows:
    """Two inputs; the label is whether the first is large."""
    inputs = np.random.default_rng(1).random((count, 2)).astype(np.float32)
    return Rows.of(inputs, pl.Series((inputs[:, 0] > 0.9).astype(int)))


def test_what_a_model_does_not_read_is_worth_nothing() -> None:
    """The input it reads comes first."""
    found = permutation_importance(lambda inputs: inputs[:, 0], ["unread", "read"][::-1], rows(2_000), seed=1)
    assert list(found) == ["read", "unread"]
    assert found["read"] > 0.7
    assert found["unread"] == 0


def test_of_many_rows_the_positives_and_a_share_are_scored() -> None:
    """The inputs are not changed."""
    many, sizes = rows(60_000), set()
    before = many.inputs.copy()

    def score(inputs: np.ndarray) -> np.ndarray:
        sizes.add(len(inputs))
        return inputs[:, 0]

    found = permutation_importance(score, ["read", "unread"], many, seed=1)
    assert found["read"] > 0.7
    assert max(sizes) < 30_000
    np.testing.assert_array_equal(many.inputs, before)
