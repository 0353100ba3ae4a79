"""The recommendation model: candidates that go with what a customer looks at, and a ranker for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from rich.progress import Progress

from artefact import (
    CANDIDATE_SCORE,
    CANDIDATES_FILE,
    MODEL_FILE,
    POPULAR_FILE,
    Card,
    InputFeature,
)
from expectations.resampling import Interval, over_customers
from training.calibrated import CalibratedModel, calibrate
from training.champion import Champion
from training.convert import Converted, convert
from training.estimators import RANKERS
from training.fitting import Rows
from training.gate import check_training_set, parity_held
from training.history import data_end, feature_types, read_features
from training.importance import permutation_importance
from training.inputs import choose_inputs, matrix
from training.instants import held_out_users
from training.metrics import Floats, ranking_figures
from training.promotion import (
    calibration_within,
    expectations_held,
    judge,
    not_worse_than_champion,
    parity,
    scoring_within,
)
from training.publish import TrainedModel, named, parquet_bytes, publish, unnamed_card
from training.recommendation_evaluation import (
    SHOWN,
    evaluation_slates,
    gains,
    ranked,
    ranker_figures,
    ranking_metrics,
)
from training.recommendation_page import recommendation_page
from training.recommendation_rows import read_shop, training_rows
from training.rungs import recommendation_rungs
from training.selection import FoldRows, Selection, compete
from training.settings import TrainingSettings
from training.slates import Slates, build_slates, visits_of
from training.split import RecommendationSplit, Window
from training.steps import Steps

MODEL = "recommendation"
SLATE_INPUTS = {CANDIDATE_SCORE: "Float64"}
"""What the ranker reads from the candidates, before the features of the service."""
_ASKED = ("user_id", "product_id", "event_timestamp")


@dataclass(frozen=True)
class _Shop:
    """What happened, and the windows it is cut into.

    Attributes:
        views: Page views, each once.
        orders: Orders, each once.
        split: Windows of the ranker.
        held_out: Customers the ranker never trains on.
        before_fit: Tables made of what lies before the ranker's instants.
        before_test: Tables made of what lies before the test.
        latest: Tables made of everything, for serving.
    """

    views: pl.DataFrame
    orders: pl.DataFrame
    split: RecommendationSplit
    held_out: set[str]
    before_fit: Slates
    before_test: Slates
    latest: Slates

    def with_scores(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of all parts with the candidates' scores, each part from the tables its slates were made of."""
        seen = pl.col("part") != "test"
        return pl.concat(
            [self.before_fit.with_scores(rows.filter(seen)), self.before_test.with_scores(rows.filter(~seen))]
        )


def train_recommendation(
    store: Any,
    settings: TrainingSettings,
    progress: Progress | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TrainedModel:
    """Train, evaluate and publish the recommendation model from the archive and one feature service.

    The score is the probability that the customer orders the product within the horizon, for a product of the slate at
    an instant of browsing.

    Args:
        store: A ``feast.FeatureStore``.
        settings: Windows, sizes, seed.
        progress: Shows the steps.
        now: Clock of the card.

    Raises:
        NotEnoughHistoryError: the archive is too short for the windows.
        RefusedTrainingSetError: the training set broke its expectations.
        ConversionError: the converted model scores differently.
    """
    step = Steps(progress, "recommendation model", 6)
    with step("co-visits, co-purchases, popularity"):
        shop = _read(store, settings)
        drawn = training_rows(
            shop.views, shop.orders, shop.before_fit, shop.before_test, shop.split, shop.held_out, settings
        )
    with step(f"features of {drawn.height:,} rows"):
        rows = shop.with_scores(read_features(store, settings.recommendation_service, drawn))
    with step("expectations"):
        accepted = check_training_set(store, settings.recommendation_service, rows, "ordered", settings)
    with step("fit, choose, calibrate"):
        inputs, selection, model = _fit(store, rows, settings)
    with step("full ranking for held-out customers"):
        test = rows.filter(part="test")
        test_rows = Rows.of(matrix(inputs, test), test["ordered"], test["weight"])
        converted = convert(model, MODEL, matrix(inputs, rows))
        lists, scored = _rank(store, shop, inputs, converted, settings)
        found = ranked(lists, scored, shop.before_test)
        names = [feature.name for feature in inputs]
        lists_figures = ranking_metrics(found, scored, shop.before_test, settings)
        metrics = (
            {"chosen": selection.chosen}
            | lists_figures
            | {"rungs": recommendation_rungs(lists_figures["ranking"]["after_one_view"])}
            | {
                "ranker": ranker_figures(test, converted.scores(test_rows.inputs)),
                "validation": {name: folds[0] for name, folds in selection.figures.items()},
                "importance": permutation_importance(
                    converted.scorer(), names, test_rows, seed=settings.training_seed
                ),
                "conversion": converted.figures(),
            }
            | _protocol(shop, rows, settings)
        )
    with step("check and publish"):
        card = unnamed_card(
            store,
            settings,
            model=MODEL,
            service=settings.recommendation_service,
            inputs=inputs,
            fitted_on=rows.filter(part="fit"),
            window=Window(shop.split.fit.start, shop.split.validation.end),
            metrics=metrics,
            created=now(),
            accepted=accepted,
        )
        trained = _publish(store, shop, card, converted, test, lists, scored, settings)
    step.finish()
    return trained


def _read(store: Any, settings: TrainingSettings) -> _Shop:
    split = RecommendationSplit.before(
        settings.training_data_end or data_end(store),
        train_days=settings.recommendation_train_days,
        test_days=settings.recommendation_test_days,
        horizon=settings.horizon,
    )
    lookback = timedelta(days=settings.recommendation_lookback_days)
    views, orders = read_shop(store, Window(split.fit.start - lookback, split.test.end))
    visits = visits_of(views, orders)
    before_fit, before_test, latest = (
        build_slates(
            visits,
            orders,
            Window(instant - lookback, instant),
            candidates=settings.recommendation_candidates,
            popular=settings.recommendation_popular,
        )
        for instant in (split.fit.start, split.cut, split.test.end)
    )
    held_out = held_out_users(
        views["user_id"], settings.recommendation_held_out_share, settings.training_seed
    )
    return _Shop(views, orders, split, held_out, before_fit, before_test, latest)


def _fit(
    store: Any, rows: pl.DataFrame, settings: TrainingSettings
) -> tuple[tuple[InputFeature, ...], Selection, CalibratedModel]:
    fit, validation = (rows.filter(part=part) for part in ("fit", "validation"))
    inputs = choose_inputs(
        SLATE_INPUTS | feature_types(store, settings.recommendation_service),
        fit,
        max_categories=settings.training_max_categories,
        excluded=settings.training_excluded_inputs,
    )
    parts = [Rows.of(matrix(inputs, part), part["ordered"], part["weight"]) for part in (fit, validation)]
    seen = parts[1]
    selection = compete(
        RANKERS,
        [FoldRows(*parts)],
        lambda _, scores: ranking_figures(seen.labels, scores, seen.weights),
        ("average_precision",),
        settings=settings,
    )
    return inputs, selection, calibrate(selection.last, selection.raw[0], seen.labels, seen.weights)


def _rank(
    store: Any,
    shop: _Shop,
    inputs: tuple[InputFeature, ...],
    converted: Converted,
    settings: TrainingSettings,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lists asked for, and every product of their slates with its features and its score."""
    lists, slates = evaluation_slates(
        shop.views, shop.orders, shop.before_test, shop.held_out, shop.split.test, settings
    )
    rows = shop.before_test.with_scores(read_features(store, settings.recommendation_service, slates))
    return lists, rows.with_columns(score=pl.Series(converted.scores(matrix(inputs, rows))))


def _publish(
    store: Any,
    shop: _Shop,
    card: Card,
    converted: Converted,
    test: pl.DataFrame,
    lists: pl.DataFrame,
    scored: pl.DataFrame,
    settings: TrainingSettings,
) -> TrainedModel:
    """Judge the version beside the champion, and write it with its tables and its report."""
    files = {
        MODEL_FILE: converted.to_bytes(),
        CANDIDATES_FILE: parquet_bytes(shop.latest.candidates),
        POPULAR_FILE: parquet_bytes(shop.latest.popular),
    }
    card = named(card, files, shop.split.test.end)
    probabilities = converted.scores(matrix(card.inputs, test))
    champion = Champion.load(settings, MODEL)
    theirs = champion.scores(scored) if champion else None
    checks = (
        expectations_held(settings.recommendation_service, card.accepted),
        parity_held(settings.recommendation_service, settings),
        parity(store, settings.recommendation_service, test, _ASKED, card.inputs),
        calibration_within(card.metrics["ranker"]["expected_calibration_error"], settings),
        not_worse_than_champion(
            champion.card.version if champion else None,
            None if theirs is None else _gain(shop, lists, scored, theirs, settings),
            f"NDCG at {SHOWN}",
        ),
        scoring_within(converted, matrix(card.inputs, test), settings),
    )
    verdict = judge(checks, settings)
    page = recommendation_page(card, verdict, test, probabilities, ranked(lists, scored, shop.before_test))
    return publish(settings, card, files, page, verdict)


def _gain(
    shop: _Shop, lists: pl.DataFrame, scored: pl.DataFrame, theirs: Floats, settings: TrainingSettings
) -> Interval:
    """NDCG beyond that of the champion's order of the same slates."""
    ours = gains(ranked(lists, scored, shop.before_test), "rank")
    others = gains(ranked(lists, scored.with_columns(score=pl.Series(theirs)), shop.before_test), "rank")
    return over_customers(
        lists["user_id"],
        lambda often: {"gain": float(np.average(ours - others, weights=often))},
        draws=settings.training_bootstrap_draws,
        seed=settings.training_seed,
    )["gain"]


def _protocol(shop: _Shop, rows: pl.DataFrame, settings: TrainingSettings) -> dict[str, Any]:
    windows = {"fit": shop.split.fit, "validation": shop.split.validation, "test": shop.split.test}
    counts = {
        part: {"rows": group.height, "ordered": int(group["ordered"].sum())}
        for (part,), group in rows.group_by("part", maintain_order=True)
    }
    return {
        "windows": {
            name: {"start": f"{window.start:%Y-%m-%d %H:%M}", "end": f"{window.end:%Y-%m-%d %H:%M}"}
            | counts[name]
            for name, window in windows.items()
        },
        "protocol": (
            f"Score: probability of an order within {settings.recommendation_horizon_hours:g} h of a product of the "
            "slate (what goes with the product looked at last, and popular products), just behind a page view drawn at "
            f"random. Products not ordered are sampled at {settings.recommendation_negative_share:g} and weighted. "
            f"{len(shop.held_out):,} customers are held out of fit and validation; the test is theirs alone and lies "
            f"behind it in time. Lists of {SHOWN} for their next order, made before the session that led to it, after "
            "its first page view, and at the order. Candidates and popularity, the baseline's too, end where the test "
            "begins; the published tables go on to the end of the data."
        ),
    }
