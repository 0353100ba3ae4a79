"""Each fault is caught by the expectation that is there for it, and a clean batch by none."""

import gc
from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import polars as pl
import pytest
from feast import FeatureStore

from expectations.checking import CheckResult, check
from expectations.definitions import UnknownDefinitionError
from expectations.settings import QualitySettings
from expectations.suites import BatchFacts, event_suite, feature_suite, service_columns, training_suite
from tests.integration.expectations.frames import END, PRODUCTS, START, device_orders, orders, spending

Fault = Callable[[pl.DataFrame], pl.DataFrame]
FACTS = BatchFacts(start=START, end=END, known_keys={"product_id": PRODUCTS}, rows=2_000)


def every(n: int, column: str, value: object) -> Fault:
    """The value in every n-th row."""
    return lambda f: f.with_columns(
        pl.when(pl.int_range(pl.len()) % n == 0).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )


def whole(column: str, expression: pl.Expr) -> Fault:
    return lambda f: f.with_columns(expression.alias(column))


def swapped(a: str, b: str) -> Fault:
    return lambda f: f.with_columns(pl.col(a).alias(b), pl.col(b).alias(a))


def caught(result: CheckResult) -> set[str]:
    return {f"{f.expectation.removeprefix('expect_')}({f.column})" for f in result.failures}


EVENT_FAULTS: dict[str, tuple[Fault, str]] = {
    "null key": (every(10, "user_id", None), "column_values_to_not_be_null(user_id)"),
    "not a number": (every(10, "amount", float("nan")), "column_values_to_not_be_null(amount)"),
    "negative amount": (every(10, "amount", -1.0), "column_values_to_be_between(amount)"),
    "infinite amount": (every(10, "amount", float("inf")), "column_values_to_be_between(amount)"),
    "no quantity": (every(10, "quantity", 0), "column_values_to_be_between(quantity)"),
    "repeated ids": (every(8, "order_id", "order_0"), "column_values_to_be_unique(order_id)"),
    "archived twice": (every(3, "_offset", 5), "compound_columns_to_be_unique(_topic, _partition, _offset)"),
    "swapped numbers": (swapped("amount", "quantity"), "column_values_to_be_in_type_list(amount)"),
    "swapped keys": (swapped("user_id", "product_id"), "column_values_to_be_in_set(product_id)"),
    "amount as text": (
        whole("amount", pl.col("amount").cast(pl.String)),
        "column_values_to_be_in_type_list(amount)",
    ),
    "column lost": (lambda f: f.drop("category"), "column_to_exist(category)"),
    "column too many": (whole("colour", pl.lit("red")), "table_columns_to_match_set()"),
    "id too long": (every(10, "device_id", "d" * 65), "column_value_lengths_to_be_between(device_id)"),
    "empty id": (every(10, "device_id", ""), "column_value_lengths_to_be_between(device_id)"),
    "next day": (
        whole("event_timestamp", pl.col("event_timestamp") + timedelta(hours=6)),
        "column_values_to_be_between(event_timestamp)",
    ),
    "time without zone": (
        whole("event_timestamp", pl.col("event_timestamp").dt.replace_time_zone(None)),
        "column_type_to_be(event_timestamp)",
    ),
    "other time zone": (
        whole("event_timestamp", pl.col("event_timestamp").dt.convert_time_zone("Europe/Paris")),
        "column_type_to_be(event_timestamp)",
    ),
    "arrived before it happened": (
        whole("arrival_timestamp", pl.col("event_timestamp") - timedelta(seconds=1)),
        "column_pair_values_a_to_be_greater_than_b(arrival_timestamp, event_timestamp)",
    ),
    "cents for euros": (whole("amount", pl.col("amount") * 100), "column_median_to_be_between(amount)"),
    "stuck device": (whole("device_id", pl.lit("d")), "column_unique_value_count_to_be_between(device_id)"),
    "no rows": (lambda f: f.clear(), "table_row_count_to_be_between()"),
}

DEVICE_FAULTS: dict[str, tuple[Fault, str]] = {
    "negative count": (
        every(10, "device_orders_count_10m", -1),
        "column_values_to_be_between(device_orders_count_10m)",
    ),
    "null count": (
        every(10, "device_orders_count_1d", None),
        "column_values_to_not_be_null(device_orders_count_1d)",
    ),
    "windows in the wrong order": (
        swapped("device_orders_count_1h", "device_orders_count_1d"),
        "column_pair_values_a_to_be_greater_than_b(device_orders_count_1d, device_orders_count_1h)",
    ),
    "more users than orders": (
        every(2, "device_user_id_count_distinct_1d", 5),
        "column_pair_values_a_to_be_greater_than_b(device_orders_count_1d, device_user_id_count_distinct_1d)",
    ),
    "null join key": (every(10, "device_id", None), "column_values_to_not_be_null(device_id)"),
    "repeated row": (
        lambda f: pl.concat([f, f.head(1)]),
        "compound_columns_to_be_unique(device_id, event_timestamp)",
    ),
    "null time": (every(10, "event_timestamp", None), "column_values_to_not_be_null(event_timestamp)"),
    "negative sum": (
        every(10, "device_amount_sum_1h", -0.5),
        "column_values_to_be_between(device_amount_sum_1h)",
    ),
    "minimum of nothing": (
        every(10, "device_amount_min_1d", 0.0),
        "column_values_to_be_between(device_amount_min_1d)",
    ),
    "feature lost": (lambda f: f.drop("device_orders_count_1h"), "column_to_exist(device_orders_count_1h)"),
}

SPENDING_FAULTS: dict[str, tuple[Fault, str]] = {
    "mean above maximum": (
        every(10, "spending_amount_mean_1h", 0.21),
        "column_pair_values_a_to_be_at_least_b(spending_amount_max_1h, spending_amount_mean_1h)",
    ),
    "mean below minimum": (
        every(10, "spending_amount_mean_1h", 0.09),
        "column_pair_values_a_to_be_at_least_b(spending_amount_mean_1h, spending_amount_min_1h)",
    ),
    "day below hour": (
        every(10, "spending_amount_sum_1d", 0.2),
        "column_pair_values_a_to_be_at_least_b(spending_amount_sum_1d, spending_amount_sum_1h)",
    ),
    "negative deviation": (
        every(10, "spending_amount_std_1h", -0.1),
        "column_values_to_be_between(spending_amount_std_1h)",
    ),
}


@pytest.mark.parametrize("fault", EVENT_FAULTS)
def test_a_fault_in_events_is_caught_by_its_expectation(
    fault: str, store: FeatureStore, settings: QualitySettings
) -> None:
    """The batch fails, and the expectation that names the fault is among the failures."""
    damage, expectation = EVENT_FAULTS[fault]
    result = check(damage(orders()), event_suite(store, "orders", settings, FACTS))
    assert not result.success
    assert expectation in caught(result)


def test_clean_events_pass_every_expectation(store: FeatureStore, settings: QualitySettings) -> None:
    """At least 30 of them."""
    result = check(orders(), event_suite(store, "orders", settings, FACTS))
    assert result.success, result
    assert result.statistics["evaluated_expectations"] >= 30


def test_a_few_repeats_are_tolerated(store: FeatureStore, settings: QualitySettings) -> None:
    """Two of 200 events with the same id are below the threshold; none are, at a threshold of zero."""
    frame = every(1_000, "order_id", "order_1")(orders())
    assert check(frame, event_suite(store, "orders", settings)).success
    strict = settings.model_copy(update={"repeated_share_max": 0})
    assert caught(check(frame, event_suite(store, "orders", strict))) == {
        "column_values_to_be_unique(order_id)"
    }


def test_one_repeat_does_not_condemn_a_small_batch(store: FeatureStore, settings: QualitySettings) -> None:
    """Three of twenty rows with the same id pass, ten do not."""
    suite = event_suite(store, "orders", settings, BatchFacts(rows=20))
    assert check(every(9, "order_id", "order_0")(orders(20)), suite).success
    assert not check(every(2, "order_id", "order_0")(orders(20)), suite).success


@pytest.mark.parametrize("fault", DEVICE_FAULTS)
def test_a_fault_in_features_is_caught_by_its_expectation(
    fault: str, store: FeatureStore, settings: QualitySettings
) -> None:
    """The batch fails, and the expectation that names the fault is among the failures."""
    damage, expectation = DEVICE_FAULTS[fault]
    suite = feature_suite(store, store.get_stream_feature_view("device_orders"), settings)
    assert expectation in caught(check(damage(device_orders()), suite))


@pytest.mark.parametrize("fault", SPENDING_FAULTS)
def test_a_fault_in_sums_and_means_is_caught_by_its_expectation(
    fault: str, store: FeatureStore, settings: QualitySettings
) -> None:
    """The one expectation that names the fault fails, and no other."""
    damage, expectation = SPENDING_FAULTS[fault]
    suite = feature_suite(store, store.get_stream_feature_view("spending"), settings)
    assert caught(check(damage(spending()), suite)) == {expectation}


def test_clean_features_pass_though_sums_differ_by_rounding(
    store: FeatureStore, settings: QualitySettings
) -> None:
    """0.1 + 0.2 over an hour is no more than 0.3 over the day."""
    for view, frame in (("device_orders", device_orders()), ("spending", spending())):
        result = check(frame, feature_suite(store, store.get_stream_feature_view(view), settings))
        assert result.success, result


@pytest.mark.parametrize("width", [pl.Int32, pl.Int64])
def test_whole_numbers_with_nulls_stay_whole(
    width: type[pl.DataType], store: FeatureStore, settings: QualitySettings
) -> None:
    """A null does not turn a column of whole numbers into one of another type; a fraction does."""
    profile = pl.DataFrame(
        {
            "user_id": ["a", "b"],
            "event_timestamp": device_orders(2)["event_timestamp"],
            "user_signup_seconds": pl.Series([1, None], dtype=width),
            "user_country": ["DE", None],
            "user_verified": [True, None],
        }
    )
    suite = feature_suite(store, store.get_feature_view("user_profile"), settings)
    result = check(profile, suite)
    assert result.success, result
    fraction = profile.with_columns(user_signup_seconds=pl.lit(1.5))
    assert caught(check(fraction, suite)) == {"column_values_to_be_in_type_list(user_signup_seconds)"}


def test_every_view_of_the_shop_has_a_suite(store: FeatureStore, settings: QualitySettings) -> None:
    """Join keys, time, one row each, and every feature at least exists."""
    for view in [*store.list_stream_feature_views(), *store.list_feature_views()]:
        suite = feature_suite(store, view, settings)
        columns = {e.column for e in suite.expectations if hasattr(e, "column")}
        assert {f.name for f in view.features} | set(view.join_keys) <= columns


def training_set(store: FeatureStore, rows: int = 40) -> pl.DataFrame:
    """A training set of `fraud_v1`: zeros and ones in their types, a label, and the entity columns before them."""
    kinds = {
        f.name: str(f.dtype)
        for view in store.get_feature_service("fraud_v1").feature_view_projections
        for f in view.features
    }
    plain = {"String": "x", "Int64": 0, "Float64": 0.5, "Bool": True}
    features = {name: [plain[kinds[name]]] * rows for name in service_columns(store, "fraud_v1")}
    return pl.DataFrame({"user_id": ["u"] * rows, **features, "is_fraud": [1] + [0] * (rows - 1)})


def features_of(store: FeatureStore, frame: pl.DataFrame) -> pl.DataFrame:
    wanted = {*service_columns(store, "fraud_v1"), "is_fraud"}
    return frame.select(c for c in frame.columns if c in wanted)


TRAINING_FAULTS: dict[str, tuple[Fault, str]] = {
    "other order": (
        lambda f: f.select(["is_fraud", *f.columns[:-1]]),
        "table_columns_to_match_ordered_list()",
    ),
    "feature lost": (lambda f: f.drop("user_verified"), "table_columns_to_match_ordered_list()"),
    "column of nulls": (
        whole("amount_zscore", pl.lit(None, pl.Float64)),
        "column_proportion_of_non_null_values_to_be_between(amount_zscore)",
    ),
    "no frauds": (whole("is_fraud", pl.lit(0)), "column_mean_to_be_between(is_fraud)"),
    "mostly frauds": (whole("is_fraud", pl.lit(1)), "column_mean_to_be_between(is_fraud)"),
    "missing label": (every(10, "is_fraud", None), "column_values_to_not_be_null(is_fraud)"),
    "other label": (every(40, "is_fraud", 2), "column_values_to_be_in_set(is_fraud)"),
}


@pytest.mark.parametrize("fault", TRAINING_FAULTS)
def test_a_fault_in_a_training_set_is_caught_by_its_expectation(
    fault: str, store: FeatureStore, settings: QualitySettings
) -> None:
    """The training set fails, and the expectation that names the fault is among the failures."""
    damage, expectation = TRAINING_FAULTS[fault]
    suite = training_suite(store, "fraud_v1", settings, label="is_fraud")
    assert expectation in caught(check(damage(features_of(store, training_set(store))), suite))


def test_a_clean_training_set_passes(store: FeatureStore, settings: QualitySettings) -> None:
    """As polars and as pandas."""
    suite = training_suite(store, "fraud_v1", settings, label="is_fraud")
    frame = features_of(store, training_set(store))
    for rows in (frame, frame.to_pandas()):
        result = check(rows, suite)
        assert result.success, result


def test_an_unknown_definition_is_named_with_those_there_are(
    store: FeatureStore, settings: QualitySettings
) -> None:
    """The error lists what is registered."""
    with pytest.raises(UnknownDefinitionError, match=r"no event type 'refunds'.*'orders'"):
        event_suite(store, "refunds", settings)
    with pytest.raises(UnknownDefinitionError, match=r"no feature service 'churn'.*'fraud_v1'"):
        training_suite(store, "churn", settings)


def test_a_checked_batch_is_let_go(store: FeatureStore, settings: QualitySettings) -> None:
    """Neither the result nor Great Expectations keeps the rows alive: training needs the memory."""
    result = check(orders(), event_suite(store, "orders", settings))
    gc.collect()
    alive = [o for o in gc.get_objects() if type(o) is pd.DataFrame and "order_id" in o.columns]
    assert alive == []
    assert result.success


def test_a_failure_says_what_where_and_shows_rows(store: FeatureStore, settings: QualitySettings) -> None:
    """Expectation, column, observed values, how many rows, why, and whole example rows."""
    result = check(every(10, "amount", -1.0)(orders()), event_suite(store, "orders", settings), examples=2)
    (failure,) = result.failures
    assert (failure.column, failure.observed, failure.unexpected_count) == ("amount", [-1.0], 20)
    assert "exclusiveMinimum" in failure.reason
    assert [row["order_id"] for row in failure.examples] == ["order_0", "order_10"]
    assert "observed [-1.0] in 20 rows" in str(result)
