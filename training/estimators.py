"""The estimators that compete, all made for one float32 matrix [N, F] with NaN for null.

They are fitted one after another, so each may have all threads; see `training.fitting`.
"""

from collections.abc import Callable
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from training.boosted import BoostedTrees, boosted_trees
from training.settings import TrainingSettings

_BELOW_ALL_VALUES = -1e6
"""What a tree sees for a null where it has no branch for one."""

Maker = Callable[[TrainingSettings], Any]


def logistic_regression(settings: TrainingSettings) -> Pipeline:
    """Linear in the standardised inputs, nulls at the median."""
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("model", LogisticRegression(C=0.1, max_iter=1_000, random_state=settings.training_seed)),
        ]
    )


def random_forest(settings: TrainingSettings) -> Pipeline:
    """Exact splits, so that a rare large amount is seen."""
    forest = RandomForestClassifier(
        n_estimators=100,
        max_depth=12,
        min_samples_leaf=4,
        max_features="sqrt",
        max_samples=0.5,
        n_jobs=settings.training_threads,
        random_state=settings.training_seed,
    )
    fill = SimpleImputer(strategy="constant", fill_value=_BELOW_ALL_VALUES, keep_empty_features=True)
    return Pipeline([("impute", fill), ("model", forest)])


def gradient_boosting(settings: TrainingSettings) -> HistGradientBoostingClassifier:
    """Histogram splits; a null takes the branch that fits it better."""
    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.06,
        max_leaf_nodes=15,
        max_features=0.3,
        min_samples_leaf=30,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=settings.training_seed,
    )


def fine_boosting(settings: TrainingSettings) -> BoostedTrees:
    """Histogram splits with four times as many bins; a null takes the branch that fits it better."""
    return boosted_trees(seed=settings.training_seed, threads=settings.training_threads)


FRAUD_ESTIMATORS: dict[str, Maker] = {
    "logistic_regression": logistic_regression,
    "random_forest": random_forest,
    "gradient_boosting": gradient_boosting,
    "fine_boosting": fine_boosting,
}
RANKERS: dict[str, Maker] = {
    "logistic_regression": logistic_regression,
    "gradient_boosting": gradient_boosting,
    "fine_boosting": fine_boosting,
}
