"""One row through each model, as the API scores it: a single thread, a new row each time.

Both models are trained by their own pipelines on a small simulated shop. Every candidate that could have won is timed
too, fitted on the same rows, and every conversion is held against its original.
"""

import gc
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.report import Bar, Report, parser, percentile, progress

END = datetime(2026, 6, 1, tzinfo=UTC)
DAYS, CUSTOMERS, PRODUCTS = 52, 1_200, 400
CALLS = 20_000
VERIFIED_ROWS = 10_000
P50_MOST, P99_MOST = 30.0, 150.0
Matrix = npt.NDArray[np.float32]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("scoring", __doc__).parse_args(argv)
    import feast  # noqa: F401  it sets a filter of its own when it is imported

    warnings.simplefilter("ignore", RuntimeWarning)
    report = Report("scoring")
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        steps = bar.add_task("simulating a shop", total=5)
        shop = simulated(Path(folder))
        for name in ("fraud", "recommendation"):
            bar.update(steps, advance=1, description=f"training {name}")
            time_trained(report, name, shop, Path(folder))
        bar.update(steps, advance=1, description="every candidate")
        time_candidates(report, shop, Path(folder))
        bar.update(steps, advance=2)
    report.note(
        f"{CALLS:,} calls, each with another row; onnxruntime with one thread, numpy arrays in and out"
    )
    return report.finish(options.json)


def simulated(folder: Path) -> Any:
    """A shop with its archives, its tables and the registered definitions."""
    from ingestion.events.simulator import FraudConfig, ShopConfig
    from tests.simulated_shop import SimulatedShop

    config = ShopConfig(present=END, customers=CUSTOMERS, products=PRODUCTS, fraud=FraudConfig(share=0.025))
    return SimulatedShop.write(folder, config, DAYS, seed=5)


def time_trained(report: Report, name: str, shop: Any, folder: Path) -> None:
    """Train by the pipeline, load as the API does, score row by row."""
    from artefact import champion_path
    from serving.models import Model
    from training.run import TRAININGS
    from training.settings import TrainingSettings

    settings = TrainingSettings(data_dir=folder, training_scoring_microseconds_max=1e6)
    card = TRAININGS[name](shop.store(), settings, None).card
    model = Model.load(champion_path(settings.models_dir, name))
    rows = model.encode(_drawn(card.statistics, card.inputs))
    times = one_by_one(model.score, rows)
    report.add(_bar(f"{name} ({card.metrics['chosen']}), p50", percentile(times, 0.5), P50_MOST))
    report.add(_bar(f"{name} ({card.metrics['chosen']}), p99", percentile(times, 0.99), P99_MOST))
    conversion = card.metrics["conversion"]
    report.add(
        Bar(
            f"{name}: largest difference to the original",
            conversion["largest_difference"],
            "",
            least=1e-5,
            lower_is_better=True,
        )
    )
    report.note(
        f"{name}: {len(card.inputs)} inputs, conversion held against {conversion['rows']:,} rows of training and test"
    )


def time_candidates(report: Report, shop: Any, folder: Path) -> None:
    """Whichever wins elsewhere must be as quick: fitted, converted and timed on orders of the shop."""
    from training.calibrated import calibrate, raw_scores
    from training.convert import convert, open_model
    from training.estimators import FRAUD_ESTIMATORS
    from training.fitting import Rows, fitted
    from training.fraud_orders import FraudOrders, fraud_split
    from training.history import feature_types, read_features
    from training.inputs import choose_inputs, matrix
    from training.labels import known_at
    from training.settings import TrainingSettings

    settings = TrainingSettings(data_dir=folder)
    orders = FraudOrders.read(shop.store(), fraud_split(shop.store(), settings), settings)
    known = known_at(read_features(shop.store(), settings.fraud_service, orders.rows), END)
    types = feature_types(shop.store(), settings.fraud_service)
    inputs = choose_inputs(types, known, max_categories=64, excluded=())
    rows = Rows.of(matrix(inputs, known), known["is_fraud"])
    slowest: dict[str, float] = {}
    for name, make in FRAUD_ESTIMATORS.items():
        estimator = fitted(make(settings), rows, settings)
        model = calibrate(estimator, raw_scores(estimator, rows.inputs), rows.labels)
        converted = convert(model, "fraud", _repeated(rows.inputs, VERIFIED_ROWS))
        slowest[name] = percentile(one_by_one(open_model(converted.to_bytes()), rows.inputs), 0.5)
    told = ", ".join(f"{name} {median:.1f} us" for name, median in slowest.items())
    report.add(_bar("the slowest of all candidates, p50", max(slowest.values()), P50_MOST))
    report.note(f"p50 of the candidates, fitted on {len(rows.labels):,} orders: {told}")


def one_by_one(score: Callable[[Matrix], Any], rows: Matrix) -> list[float]:
    """Microseconds of each call."""
    some = [rows[i % len(rows)][None, :].copy() for i in range(CALLS)]
    times = []
    gc.disable()
    for row in some:
        begin = time.perf_counter_ns()
        score(row)
        times.append((time.perf_counter_ns() - begin) / 1_000)
    gc.enable()
    return times


def _bar(name: str, figure: float, most: float) -> Bar:
    return Bar(name, figure, "us", least=most, lower_is_better=True)


def _drawn(statistics: Mapping[str, Mapping[str, Any]], inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """Rows with values as common as in training: quantiles and categories as the card has them, nulls included."""
    rng = np.random.default_rng(7)
    columns: dict[str, list[Any]] = {}
    for feature in inputs:
        figures = statistics[feature.name]
        values = feature.categories or list(figures["quantiles"].values())
        drawn = np.array(values, dtype=object)[rng.integers(0, len(values), VERIFIED_ROWS)]
        drawn[rng.random(VERIFIED_ROWS) < figures["null_share"]] = None
        columns[feature.name] = drawn.tolist()
    return columns


def _repeated(rows: Matrix, count: int) -> Matrix:
    return rows[np.arange(max(count, len(rows))) % len(rows)]


if __name__ == "__main__":
    sys.exit(main())
