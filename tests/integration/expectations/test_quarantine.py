"""Rows that broke an expectation: kept with the reason, listed, used after a fix."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore

from expectations.__main__ import main
from expectations.archive import check_partitions
from expectations.days import partitions
from expectations.gate import BatchRefused, FeatureGate
from expectations.quarantine import REASONS, Quarantine
from expectations.reports import Reports
from expectations.settings import QualitySettings
from ingestion.events.mapping import load_mapping, read_rows
from ingestion.replay import prepare
from tests.integration.expectations.frames import PRODUCTS, device_orders, orders

BETWEEN = "expect_column_values_to_be_between(device_orders_count_10m)"
IN_SET = "expect_column_values_to_be_in_set(product_id)"
NAME = "features-device_orders/20260102T120000.000000Z"


def clock() -> datetime:
    return datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def data(settings: QualitySettings, monkeypatch: pytest.MonkeyPatch) -> QualitySettings:
    """One bad row in fifty is tolerated."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    return settings.model_copy(update={"out_of_range_share_max": 0.05})


def hold(store: FeatureStore, data: QualitySettings, frame: pl.DataFrame) -> pl.Series:
    view = store.get_stream_feature_view("device_orders")
    return FeatureGate(settings=data, clock=clock)(view, frame, store.registry, store.project)


def with_bad_row(value: int = -3) -> pl.DataFrame:
    bad = pl.when(pl.int_range(pl.len()) == 7).then(value).otherwise("device_orders_count_10m")
    return device_orders().with_columns(bad.alias("device_orders_count_10m"))


def served(store: FeatureStore, device: str) -> object:
    features = ["device_orders:device_orders_count_10m"]
    return store.get_online_features(features, [{"device_id": device}]).to_dict()["device_orders_count_10m"][
        0
    ]


def test_a_tolerated_row_of_features_is_held_back_with_its_reason(
    store: FeatureStore, data: QualitySettings
) -> None:
    """The batch passes without it; the others may be written."""
    assert hold(store, data, with_bad_row()).arg_true().to_list() == [n for n in range(50) if n != 7]
    (entry,) = Quarantine(data).entries()
    assert (entry.name, entry.rows, entry.refused, entry.closed) == (NAME, 1, False, None)
    assert entry.reasons == {BETWEEN: 1}
    assert Quarantine(data).rows(entry)["device_id"].to_list() == ["device_7"]


def test_kept_rows_are_listed_and_shown(
    store: FeatureStore, data: QualitySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list names the entry, `show` the row and what it breaks."""
    hold(store, data, with_bad_row())
    assert main(["quarantine", "list"]) == 0
    assert "features-device_orders/" in capsys.readouterr().out
    assert main(["quarantine", "show", NAME]) == 0
    shown = capsys.readouterr().out
    assert BETWEEN in shown.replace("\n", "")
    assert "'device_id': 'device_7'" in shown


def test_a_replay_leaves_what_still_breaks(
    store: FeatureStore, repo: Path, data: QualitySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written, and the entry stays open."""
    hold(store, data, with_bad_row())
    assert main(["quarantine", "replay", NAME, "--repo", str(repo)]) == 1
    assert "1 rows still break" in capsys.readouterr().out
    assert Quarantine(data).entry(NAME).closed is None


def test_a_replay_after_a_fix_serves_the_row(
    store: FeatureStore, repo: Path, data: QualitySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row whose value was put right reaches the online store; the entry says who replayed it, and is done."""
    hold(store, data, with_bad_row())
    quarantine = Quarantine(data)
    file = quarantine.file(quarantine.entry(NAME))
    pl.read_parquet(file).with_columns(device_orders_count_10m=pl.lit(1)).write_parquet(file)
    assert served(store, "device_7") is None
    assert main(["quarantine", "replay", NAME, "--repo", str(repo)]) == 0
    assert served(store, "device_7") == 1
    closed = quarantine.entry(NAME).closed
    assert closed is not None
    assert closed["what"] == "replayed"
    assert "@" in closed["by"]
    assert main(["quarantine", "replay", NAME, "--repo", str(repo)]) == 2
    assert "was decided about: replayed" in capsys.readouterr().err


def test_a_refused_batch_is_replayed_as_a_whole_or_for_a_reason(
    store: FeatureStore, repo: Path, data: QualitySettings
) -> None:
    """It still breaks its suite; with a reason all of it is used."""
    bad = device_orders().with_columns(device_orders_count_10m=pl.lit(-3))
    with pytest.raises(BatchRefused):
        hold(store, data, bad)
    assert main(["quarantine", "replay", NAME, "--repo", str(repo)]) == 1
    assert Quarantine(data).entry(NAME).rows == 50
    assert main(["quarantine", "replay", NAME, "--repo", str(repo), "--accept", "known"]) == 0
    closed = Quarantine(data).entry(NAME).closed
    assert closed is not None
    assert closed["reason"] == "known"
    assert served(store, "device_3") == -3


def test_a_released_entry_is_closed_and_kept(
    store: FeatureStore, data: QualitySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is on the list of all only; its rows are still there."""
    hold(store, data, with_bad_row())
    assert main(["quarantine", "release", NAME, "--reason", "a known fault"]) == 0
    capsys.readouterr()
    main(["quarantine", "list"])
    assert "device_orders" not in capsys.readouterr().out
    main(["quarantine", "list", "--all"])
    assert "released" in capsys.readouterr().out
    assert Quarantine(data).rows(Quarantine(data).entry(NAME)).height == 1


def test_an_unknown_entry_is_named(data: QualitySettings, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to what there is."""
    assert main(["quarantine", "show", "features-x/1"]) == 2
    assert "quarantine list --all" in capsys.readouterr().err


def archive(settings: QualitySettings, frame: pl.DataFrame, products: list[str]) -> None:
    tables = settings.data_dir / "tables" / "product_catalogue"
    day = settings.data_dir / "archive" / "orders" / "date=2026-01-01"
    for folder in (tables, day):
        folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"product_id": products}).write_parquet(tables / "1.parquet")
    frame.write_parquet(day / "1.parquet")


def check_archive(store: FeatureStore, settings: QualitySettings) -> None:
    list(check_partitions(store, partitions(settings, ["orders"]), settings, Reports(settings), clock=clock))


def test_events_of_an_unknown_product_are_replayed_once_it_is_known(
    store: FeatureStore, repo: Path, data: QualitySettings, tmp_path: Path
) -> None:
    """They stay in the archive; after the catalogue has the product, a file for `python -m ingestion.replay` has them."""
    unknown = pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("new")).otherwise("product_id")
    frame = orders().with_columns(unknown.alias("product_id"))
    archive(data, frame, PRODUCTS)
    check_archive(store, data)
    check_archive(store, data)
    (entry,) = Quarantine(data).entries()
    assert (entry.name, entry.reasons) == ("events-orders/2026-01-01", {IN_SET: 3})
    assert partitions(data, ["orders"])[0].read().height == frame.height
    file = tmp_path / "again.parquet"
    replay = ["quarantine", "replay", entry.name, "--repo", str(repo), "--to", str(file)]
    assert main(replay) == 1
    assert not file.exists()
    archive(data, frame, [*PRODUCTS, "new"])
    assert main(replay) == 0
    mapping = load_mapping(str(file.with_suffix(".yaml")))
    events = prepare(read_rows(file), mapping).events
    assert (mapping.topic, mapping.key) == ("orders", "user_id")
    assert events["order_id"].to_list() == ["order_0", "order_1", "order_2"]
    assert REASONS not in events.columns


def test_a_day_that_was_decided_about_stays_so(store: FeatureStore, data: QualitySettings) -> None:
    """The daily check does not open it again, unless there are more bad rows."""
    archive(data, orders().with_columns(product_id=pl.lit("new")), PRODUCTS)
    check_archive(store, data)
    main(["quarantine", "release", "events-orders/2026-01-01", "--reason", "seen"])
    check_archive(store, data)
    assert Quarantine(data).entry("events-orders/2026-01-01").closed
    archive(data, orders(300).with_columns(product_id=pl.lit("new")), PRODUCTS)
    check_archive(store, data)
    assert not Quarantine(data).entry("events-orders/2026-01-01").closed
