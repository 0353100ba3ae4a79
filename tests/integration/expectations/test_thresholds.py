"""Thresholds of single expectations."""

from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore

from expectations.checking import check
from expectations.settings import QualitySettings
from expectations.suites import event_suite, feature_suite
from expectations.thresholds import ThresholdError
from tests.integration.expectations.frames import orders


def stated(settings: QualitySettings, tmp_path: Path, text: str) -> QualitySettings:
    file = tmp_path / "thresholds.yaml"
    file.write_text(text)
    return settings.model_copy(update={"quality_thresholds": file})


def test_one_expectation_of_one_column_is_loosened(
    store: FeatureStore, settings: QualitySettings, tmp_path: Path
) -> None:
    """One negative amount in two hundred passes at 0.99, two nulls elsewhere do not."""
    negative = pl.when(pl.int_range(pl.len()) == 3).then(-1.0).otherwise("amount").alias("amount")
    text = "events-orders: {amount: {expect_column_values_to_be_between: 0.99}}"
    loose = stated(settings, tmp_path, text)
    frame = orders().with_columns(negative)
    assert not check(frame, event_suite(store, "orders", settings)).success
    assert check(frame, event_suite(store, "orders", loose)).success
    also = frame.with_columns(
        pl.when(pl.int_range(pl.len()) < 2).then(None).otherwise("user_id").alias("user_id")
    )
    assert not check(also, event_suite(store, "orders", loose)).success


def test_columns_of_a_pair_are_named_together(
    store: FeatureStore, settings: QualitySettings, tmp_path: Path
) -> None:
    """As the reports name them; other suites are not looked at."""
    pair = "arrival_timestamp, event_timestamp"
    kind = "expect_column_pair_values_a_to_be_greater_than_b"
    loose = stated(settings, tmp_path, f"events-orders: {{'{pair}': {{{kind}: 0.5}}}}")
    shares = {e.expectation_type: e.mostly for e in event_suite(store, "orders", loose).expectations if "pair" in e.expectation_type}  # fmt: skip
    assert shares == {kind: 0.5}
    feature_suite(store, store.get_stream_feature_view("device_orders"), loose)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "events-orders: {colour: {expect_column_values_to_not_be_null: 1}}",
            "has no .*colour.*it has .*amount",
        ),
        ("events-orders: {amount: {expect_miracles: 1}}", "expect_miracles"),
        ("events-orders: {amount: {expect_column_values_to_not_be_null: 1.5}}", "less than or equal to 1"),
        ("events-orders: {amount: {expect_column_to_exist: 1}}", "no share of rows"),
        ("orders: {}", r"suites \['orders'\]; .*events-<event type>"),
        ("[", "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_named(
    text: str, told: str, store: FeatureStore, settings: QualitySettings, tmp_path: Path
) -> None:
    """With what there is."""
    with pytest.raises(ThresholdError, match=told):
        event_suite(store, "orders", stated(settings, tmp_path, text))


def test_a_file_that_is_not_there_is_named(
    store: FeatureStore, settings: QualitySettings, tmp_path: Path
) -> None:
    """With the setting."""
    absent = settings.model_copy(update={"quality_thresholds": tmp_path / "none.yaml"})
    with pytest.raises(ThresholdError, match="SHOP_QUALITY_THRESHOLDS"):
        event_suite(store, "orders", absent)
