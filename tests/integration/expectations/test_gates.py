"""The gates: what passes, what is refused, what is kept."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest
from feast import FeatureStore
from polars.testing import assert_frame_equal

from expectations.gate import BatchRefused, EventGate, FeatureGate, TrainingGate
from expectations.quarantine import REASONS, Quarantine
from expectations.reports import Reports
from expectations.settings import QualitySettings
from expectations.suites import service_columns
from tests.integration.expectations.frames import device_orders, orders

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOON


def test_a_clean_batch_passes_and_its_result_is_kept(store: FeatureStore, settings: QualitySettings) -> None:
    """Nothing is refused; the result is listed under the batch's name."""
    EventGate(settings, clock)(store, "orders", orders(), batch="2026-01-01")
    (kept,) = Reports(settings).kept()
    assert (kept.suite, kept.batch, kept.success, kept.rows) == ("events-orders", "2026-01-01", True, 200)
    assert not (settings.data_dir / "quarantine").exists()


def test_a_refused_batch_is_kept_as_it_was(store: FeatureStore, settings: QualitySettings) -> None:
    """The parquet file holds the same rows, and the kept result names the failing expectation."""
    view = store.get_stream_feature_view("device_orders")
    bad = device_orders().with_columns(device_orders_count_10m=pl.lit(-3))
    with pytest.raises(BatchRefused) as refusal:
        FeatureGate(settings=settings, clock=clock)(view, bad, store.registry, store.project)
    kept_as = settings.data_dir / "quarantine" / "features-device_orders" / "20260102T120000.000000Z"
    assert refusal.value.path == kept_as / "rows.parquet"
    rows = pl.read_parquet(refusal.value.path)
    assert_frame_equal(rows.drop(REASONS), bad)
    assert set(rows[REASONS].explode()) == {"expect_column_values_to_be_between(device_orders_count_10m)"}
    (kept,) = Reports(settings).kept()
    assert [f["expectation"] for f in kept.failures] == ["expect_column_values_to_be_between"]


def test_a_batch_that_broke_its_suite_is_taken_for_a_reason_that_is_kept(
    store: FeatureStore, settings: QualitySettings, caplog: pytest.LogCaptureFixture
) -> None:
    """All rows may be written; who, when, why and what failed are in the result, on the page and in the log."""
    view = store.get_stream_feature_view("device_orders")
    bad = device_orders().with_columns(device_orders_count_10m=pl.lit(-3))
    told = settings.model_copy(update={"gate_override": "a test of <the> flag"})
    assert FeatureGate(settings=told, clock=clock)(view, bad, store.registry, store.project).all()
    (kept,) = Reports(told).kept()
    assert kept.accepted is not None
    assert (kept.success, kept.accepted["reason"]) == (False, "a test of <the> flag")
    assert kept.accepted["time"] == "2026-01-02T12:00:00+00:00"
    assert kept.failures
    page = (Reports(told).build().parent / "quality.html").read_text()
    assert "a test of &lt;the&gt; flag" in page
    assert "overridden" in page
    assert "a test of <the> flag" in caplog.text
    (entry,) = Quarantine(told).entries()
    assert entry.closed == {"what": "taken", **kept.accepted}


def test_a_reason_is_not_kept_where_nothing_was_broken(
    store: FeatureStore, settings: QualitySettings
) -> None:
    """The flag alone does nothing to a clean batch."""
    told = settings.model_copy(update={"gate_override": "for nothing"})
    assert EventGate(told)(store, "orders", orders()).accepted is None
    assert Reports(told).kept()[0].accepted is None


def test_a_refusal_lists_what_failed_with_example_rows(
    store: FeatureStore, settings: QualitySettings
) -> None:
    """The message alone is enough to start looking."""
    bad = device_orders().with_columns(device_orders_count_10m=pl.lit(-3))
    with pytest.raises(BatchRefused) as refusal:
        FeatureGate(settings=settings)(
            store.get_stream_feature_view("device_orders"), bad, store.registry, store.project
        )
    message = str(refusal.value)
    for text in (
        "expect_column_values_to_be_between(device_orders_count_10m): observed [-3] in 50 rows",
        "'min_value': 0",
        "'device_id': 'device_0'",
        str(refusal.value.path),
        "python -m expectations report",
    ):
        assert text in message


def test_an_empty_feature_batch_passes(store: FeatureStore, settings: QualitySettings) -> None:
    """A materialization that has nothing to write is no fault."""
    view = store.get_stream_feature_view("device_orders")
    FeatureGate(settings=settings)(view, device_orders().clear(), store.registry, store.project)
    assert Reports(settings).kept() == []


def test_reports_of_the_feature_gate_follow_the_offline_store_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the store, or `SHOP_DATA_DIR`; a URL is no folder for reports."""
    monkeypatch.delenv("SHOP_DATA_DIR", raising=False)
    assert FeatureGate(tmp_path).settings.data_dir == tmp_path
    assert FeatureGate("s3://bucket/shop").settings.data_dir == Path("data")
    assert FeatureGate().settings.data_dir == Path("data")
    monkeypatch.setenv("SHOP_DATA_DIR", "/elsewhere")
    assert FeatureGate(tmp_path).settings.data_dir == Path("/elsewhere")


def test_the_training_gate_looks_at_features_and_label_alone(
    store: FeatureStore, settings: QualitySettings
) -> None:
    """Keys and times beside them are nobody's business; features in another order are refused, pandas kept as parquet."""
    kinds: dict[str, Any] = {
        f.name: {"String": "x", "Int64": 0, "Float64": 0.5, "Bool": True}[str(f.dtype)]
        for view in store.get_feature_service("recommendation_v1").feature_view_projections
        for f in view.features
    }
    columns = service_columns(store, "recommendation_v1")
    frame = pl.DataFrame({"session": ["s", "t"], **{c: [kinds[c]] * 2 for c in columns}, "ordered": [0, 1]})
    gate = TrainingGate(settings, clock)
    assert gate(store, "recommendation_v1", frame, label="ordered").success
    with pytest.raises(BatchRefused, match="expect_table_columns_to_match_ordered_list") as refusal:
        gate(store, "recommendation_v1", frame.select(reversed(frame.columns)).to_pandas(), label="ordered")
    assert pl.read_parquet(refusal.value.path).height == 2


def test_nothing_reaches_for_the_network(
    store: FeatureStore, settings: QualitySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking, keeping and building pages open no connection and look up no name."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    EventGate(settings)(store, "orders", orders())
    Reports(settings).build()


def test_results_are_json_that_any_tool_reads(store: FeatureStore, settings: QualitySettings) -> None:
    """Both our record and Great Expectations' own result are kept, without NaN."""
    nan = orders().with_columns(amount=pl.lit(float("nan")))
    with pytest.raises(BatchRefused):
        EventGate(settings)(store, "orders", nan)

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    files = [
        *settings.reports_dir.glob("checks/*.json"),
        *settings.reports_dir.glob("gx/uncommitted/**/*.json"),
    ]
    assert len(files) == 2
    for file in files:
        assert not json.loads(file.read_text(), parse_constant=refuse)["success"]
