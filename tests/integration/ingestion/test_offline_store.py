"""`get_historical_features` of a real feature store over parquet files."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from feast import FeatureStore, FeatureView, Field, FileSource
from feast.data_format import DeltaFormat
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.feature_logging import FeatureServiceLoggingSource, LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination, SavedDatasetFileStorage
from feast.types import Float32, Float64, Int32, String
from pydantic import ValidationError

from ingestion.compile import compile_view
from ingestion.stores.entity_rows import EntityRowsError
from ingestion.stores.events import Events
from ingestion.stores.offline import ParquetOfflineStoreConfig
from ingestion.stores.sources import Source, SourceError
from tests import oracle
from tests.small_shop import (
    NOON,
    entity_rows,
    microseconds,
    order,
    small_shop,
    user,
    user_orders,
    write_orders,
    write_table,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    """Tables with two users; no order yet."""
    store = small_shop(tmp_path, {"type": "sqlite", "path": str(tmp_path / "online.db")})
    write_table(
        tmp_path,
        "user_profile",
        user_id=["a", "a", "b", "a"],
        lvl=[1, 2, 7, 3],
        city=["Oslo", "Rome", "Bonn", "Lima"],
        event_timestamp=[NOON - HOUR, NOON, NOON - 3 * HOUR, NOON],
        created_timestamp=[NOON - HOUR, NOON + HOUR, NOON, NOON],
    )
    write_table(
        tmp_path,
        "affinity",
        user_id=["a", "a"],
        product_id=["x", "y"],
        score=[0.5, 0.25],
        event_timestamp=[NOON - timedelta(days=400), NOON],
    )
    return store


def history(store: FeatureStore, rows: Any, features: Any = "everything", **options: Any) -> pd.DataFrame:
    wanted = store.get_feature_service(features) if isinstance(features, str) else features
    return store.get_historical_features(rows, wanted, **options).to_df()


def random_orders(seed: int, count: int) -> list[oracle.Event]:
    """Orders of three users over five hours: ties on minutes, late arrivals, repeats, missing amounts."""
    rng = np.random.default_rng(seed)
    return [
        order(
            f"o{rng.integers(0, count)}",
            "abc"[rng.integers(3)],
            float(rng.integers(0, 300)),
            product_id="xyz"[rng.integers(3)],
            amount=None if rng.random() < 0.1 else float(rng.integers(1, 100)),
            late=float(rng.choice([0, 0, 0, 3, 90])),
        )
        for _ in range(count)
    ]


@pytest.fixture(params=[None, 4_000], ids=["at once", "in parts"])
def limited(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for everything, or for a few rows at a time."""
    if request.param:
        limit = property(lambda _: request.param)
        monkeypatch.setattr(ParquetOfflineStoreConfig, "memory_limit_bytes", limit)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("as_corrected", [False, True])
def test_windows_at_every_instant_equal_the_oracle(
    store: FeatureStore, tmp_path: Path, as_corrected: bool
) -> None:
    """As known by default, as corrected by the store's option; repeats, late and tied events included.

    An event id may come again with another user: read in parts, by user, it still counts once.
    """
    events = random_orders(1, 150)
    write_orders(tmp_path, events[:100])
    write_orders(tmp_path, events[100:], first_offset=100)
    store.config.offline_store.as_corrected = as_corrected
    rows = entity_rows(*((u, "x", m) for m in (*range(0, 420, 7), 60, 120, 180) for u in "abcd"))
    found = history(store, rows, [f"user_orders:{f.name}" for f in user_orders.features])
    spec = compile_view(store.get_stream_feature_view("user_orders"))
    for ours, asked in zip(found.to_dict("records"), rows.to_dict("records"), strict=True):
        t = microseconds(asked["event_timestamp"])
        truth = oracle.row(spec, events, (asked["user_id"],), t, as_known=not as_corrected)
        clean = {name: None if pd.isna(value) else value for name, value in ours.items()}
        assert not oracle.differences(spec, clean, truth)


def test_a_table_in_parts_is_the_same_table(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of two columns, null and unknown ones, repeated instants."""
    rng = np.random.default_rng(3)
    pairs = [("abcdefgh"[rng.integers(8)], "xyz"[rng.integers(3)]) for _ in range(400)]
    times = [NOON + timedelta(minutes=int(m)) for m in rng.integers(-600, 0, 400)]
    columns = {"user_id": [u for u, _ in pairs], "product_id": [p for _, p in pairs]}
    write_table(tmp_path, "affinity", **columns, score=rng.random(400), event_timestamp=times)
    asked = entity_rows(
        *((u, p, float(m)) for (u, p), m in zip(pairs, rng.integers(-600, 9, 400), strict=True))
    )
    asked.loc[len(asked)] = [None, "x", NOON, 5.0]
    features = ["affinity:score", "user_profile:level"]
    whole = history(store, asked, features)
    monkeypatch.setattr(ParquetOfflineStoreConfig, "memory_limit_bytes", property(lambda _: 5_000))
    pd.testing.assert_frame_equal(history(store, asked, features), whole)


def test_only_days_and_columns_that_matter_are_read(store: FeatureStore, tmp_path: Path) -> None:
    """A file of a day that no window reaches may be unreadable; columns that no feature needs stay where they are."""
    write_orders(tmp_path, [order("1", "a", -5)])
    broken = tmp_path / "data/archive/orders/date=2024-04-01/1-00000000000000000000000000000000.parquet"
    broken.parent.mkdir()
    broken.write_bytes(b"not parquet")
    asked = entity_rows(("a", "x", 0))
    assert history(store, asked, ["user_orders:user_orders_count_1h"])["user_orders_count_1h"].tolist() == [1]
    spec = compile_view(store.get_stream_feature_view("user_orders"))
    wanted = replace(spec, features=tuple(f for f in spec.features if f.function == "sum"))
    source = Source(store.config, store.get_data_source("orders_archive"))
    events = Events.of(source, [wanted], NOON, NOON, 10**9)
    assert events is not None
    assert "product_id" not in events.read(wanted).columns
    assert "PROJECT 6/9 COLUMNS" in events.rows.select(events.read(wanted).columns).explain()


def test_rows_in_are_rows_out_in_their_order(store: FeatureStore, tmp_path: Path) -> None:
    """Repeated rows, unknown keys, null keys and rows before all history are kept (Feast's file store drops rows)."""
    write_orders(tmp_path, [order("1", "a", -5)])
    rows = entity_rows(
        ("a", "x", 30), ("nobody", "x", 0), ("a", "x", 30), ("a", "x", -(10**6)), ("b", "y", 1)
    )
    rows.loc[len(rows)] = [None, "x", NOON, 5.0]
    found = history(store, rows)
    pd.testing.assert_frame_equal(found[list(rows)], rows.astype({"event_timestamp": "datetime64[us, UTC]"}))
    assert found["user_orders_count_1h"].tolist() == [1, 0, 1, 0, 0, 0]


def test_no_rows_have_all_columns(store: FeatureStore, tmp_path: Path) -> None:
    """An empty entity dataframe is answered, not refused."""
    write_orders(tmp_path, [order("1", "a", -5)])
    found = history(store, entity_rows())
    assert found.empty
    assert {"user_orders_count_10m", "level", "score"} <= {*found}


def test_an_event_does_not_see_itself(store: FeatureStore, tmp_path: Path) -> None:
    """A training row at an order's own time cannot leak that order."""
    write_orders(tmp_path, [order("1", "a", 0), order("2", "a", 1)])
    assert history(store, entity_rows(("a", "x", 0), ("a", "x", 1)))["user_orders_count_10m"].tolist() == [
        0,
        1,
    ]


def test_an_event_type_without_events_is_an_empty_window(store: FeatureStore) -> None:
    """Counts and sums are 0, the others null; no archive needs to exist."""
    found = history(store, entity_rows(("a", "x", 0)))
    names = ["user_orders_count_10m", "user_amount_sum_1h", "user_amount_mean_3h", "user_product_id_last_3h"]
    assert [None if pd.isna(v) else v for v in found.loc[0, names]] == [0, 0.0, None, None]


def test_columns_have_plain_types(store: FeatureStore, tmp_path: Path) -> None:
    """Counts are integers without nulls, strings are objects, times are in microseconds."""
    write_orders(tmp_path, [order("1", "a", -5)])
    types = history(store, entity_rows(("a", "x", 0))).dtypes.astype(str)
    wanted = {
        "event_timestamp": "datetime64[us, UTC]",
        "user_orders_count_10m": "int64",
        "user_amount_sum_1h": "float64",
        "user_product_id_last_3h": "object",
        "level": "int64",
        "city": "object",
    }
    assert {name: types[name] for name in wanted} == wanted


def test_narrow_numbers_are_rounded_as_they_are_served_and_wide(store: FeatureStore, tmp_path: Path) -> None:
    """As a response of the online store has them, so that an on-demand view computes the same on both."""
    table, times = tmp_path / "data/tables/narrow", {"event_timestamp": [NOON]}
    table.mkdir()
    pl.DataFrame({"user_id": ["a"], "share": [0.1], "visits": [3], **times}).write_parquet(
        table / "0.parquet"
    )
    source = FileSource(name="narrow", path="tables/narrow", timestamp_field="event_timestamp")
    schema = [
        Field(name="user_id", dtype=String),
        Field(name="share", dtype=Float32),
        Field(name="visits", dtype=Int32),
    ]
    store.apply([FeatureView(name="narrow", entities=[user], schema=schema, source=source)])
    features = ["narrow:share", "narrow:visits"]
    found = store.get_historical_features(entity_rows(("a", "x", 0)), features).to_arrow().select([4, 5])
    assert found.schema.types == [pa.float64(), pa.int64()]
    store.materialize(NOON - HOUR, NOON, feature_views=["narrow"])
    served = store.get_online_features(features, [{"user_id": "a"}]).to_dict()
    assert found.to_pydict() == {name: served[name] for name in ("share", "visits")}
    assert served["share"] != [0.1]


def test_of_equal_times_the_row_created_last_counts(store: FeatureStore) -> None:
    """Whatever the order of the file; what was created later than the instant can be left out."""
    rows = entity_rows(("a", "x", 0), ("a", "x", 61))
    assert history(store, rows, ["user_profile:level"])["level"].tolist() == [2, 2]
    known = history(store, rows, ["user_profile:level"], filter_by_created_timestamp=True)
    assert known["level"].tolist() == [3, 2]


def test_the_ttl_belongs_to_its_view(store: FeatureStore) -> None:
    """A profile expires after two hours, an affinity never."""
    found = history(store, entity_rows(("a", "x", 120), ("a", "x", 121)))
    assert [None if pd.isna(v) else v for v in found["level"]] == [2, None]
    assert found["score"].tolist() == [0.5, 0.5]


def test_keys_of_several_columns_and_renamed_keys(store: FeatureStore) -> None:
    """A view may be joined under another name and through another column."""
    rows = entity_rows(("a", "y", 1), ("b", "y", 1)).rename(columns={"user_id": "sender_id"})
    store.apply(_renamed(store))
    found = history(store, rows, "renamed", full_feature_names=True)
    assert [None if pd.isna(v) else v for v in found["sender__score"]] == [0.25, None]


def _renamed(store: FeatureStore) -> Any:
    from feast import FeatureService

    view = store.get_feature_view("affinity").with_name("sender").with_join_key_map({"user_id": "sender_id"})
    return FeatureService(name="renamed", features=[view])


def test_full_feature_names_carry_the_view(store: FeatureStore) -> None:
    """``view__feature`` for all three kinds of views."""
    found = history(store, entity_rows(("a", "x", 0)), full_feature_names=True)
    assert {
        "user_orders__user_orders_count_10m",
        "user_profile__level",
        "order_context__amount_above_mean",
    } <= {*found}


def test_on_demand_features_are_computed_on_top(store: FeatureStore, tmp_path: Path) -> None:
    """From the request's columns and a window; the request's columns stay."""
    write_orders(tmp_path, [order("1", "a", -5, amount=2.0)])
    found = history(store, entity_rows(("a", "x", 0), ("b", "x", 0), amount=5.0))
    assert found["amount_above_mean"].tolist()[0] == 3.0
    assert pd.isna(found["amount_above_mean"].tolist()[1])
    assert found["asked_amount"].tolist() == [5.0, 5.0]


def test_a_missing_key_is_named(store: FeatureStore) -> None:
    """With the view and the columns there are."""
    rows = entity_rows(("a", "x", 0)).drop(columns="product_id")
    with pytest.raises(EntityRowsError, match=r"'affinity' needs the join key \['product_id'\]"):
        history(store, rows)


def test_a_table_that_is_not_there_is_named(store: FeatureStore, tmp_path: Path) -> None:
    """A wrong root must not become a column of nulls; an empty folder is an empty table."""
    table = tmp_path / "data/tables/affinity"
    (table / "0.parquet").unlink()
    assert history(store, entity_rows(("a", "x", 0)))["score"].isna().all()
    shutil.rmtree(table)
    with pytest.raises(SourceError, match=r"'affinity_table' has no rows yet in .*tables/affinity"):
        history(store, entity_rows(("a", "x", 0)))


def test_a_table_of_another_format_is_refused(store: FeatureStore) -> None:
    """The folder of a Delta table also holds files that no longer count."""
    delta = FileSource(name="d", path="d", timestamp_field="event_timestamp", file_format=DeltaFormat())
    with pytest.raises(SourceError, match="'d' has DeltaFormat"):
        Source(store.config, delta)


def test_a_column_that_is_not_there_is_named(store: FeatureStore, tmp_path: Path) -> None:
    """With those that are."""
    write_table(tmp_path, "affinity", user_id=["a"], product_id=["x"], points=[1.0], event_timestamp=[NOON])
    with pytest.raises(SourceError, match=r"no column \['score'\].*points"):
        history(store, entity_rows(("a", "x", 0)))


def test_tables_with_naive_or_nanosecond_times_are_read(store: FeatureStore, tmp_path: Path) -> None:
    """Naive is UTC."""
    times = pl.Series([NOON.replace(tzinfo=None)]).cast(pl.Datetime("ns"))
    path = tmp_path / "data/tables/affinity/0.parquet"
    pl.DataFrame(
        {"user_id": ["a"], "product_id": ["x"], "score": [1.5], "event_timestamp": times}
    ).write_parquet(path)
    assert history(store, entity_rows(("a", "x", 0)), ["affinity:score"])["score"].tolist() == [1.5]
    known = history(store, None, ["affinity:score"], start_date=NOON - HOUR, end_date=NOON)
    assert known["score"].tolist() == [1.5]


@pytest.mark.parametrize("name", ["0.parquet", "table.parquet"])
def test_rows_are_appended_to_a_table_that_pandas_wrote(
    store: FeatureStore, tmp_path: Path, name: str
) -> None:
    """Its times are in nanoseconds, ours in microseconds; whichever file comes first."""
    table = tmp_path / "data/tables/affinity"
    (table / "0.parquet").unlink()
    times = pd.to_datetime([NOON - HOUR]).astype("datetime64[ns, UTC]")
    columns = {"user_id": ["a"], "product_id": ["x"], "score": [0.5], "event_timestamp": times}
    pd.DataFrame(columns).to_parquet(table / name)
    store.write_to_offline_store(
        "affinity", pd.DataFrame(columns | {"score": [0.75], "event_timestamp": [NOON]})
    )
    found = history(store, entity_rows(("a", "x", -30), ("a", "x", 0)), ["affinity:score"])
    assert found["score"].tolist() == [0.5, 0.75]


def test_without_entity_rows_every_known_entity_is_answered(store: FeatureStore) -> None:
    """At the end of the interval."""
    found = history(store, None, ["user_profile:level"], start_date=NOON - 4 * HOUR, end_date=NOON + HOUR)
    levels = dict(zip(found["user_id"], found["level"], strict=True))
    assert levels["a"] == 2
    assert pd.isna(levels["b"])


def test_rows_may_come_as_polars_or_as_a_file(store: FeatureStore, tmp_path: Path) -> None:
    """As well as from pandas."""
    rows = pl.from_pandas(entity_rows(("a", "x", 0)))
    rows.write_parquet(tmp_path / "rows.parquet")
    for source in (rows, str(tmp_path / "rows.parquet")):
        assert history(store, source, ["user_profile:level"])["level"].tolist() == [2]


def test_a_view_without_entities_has_one_value_for_all(store: FeatureStore, tmp_path: Path) -> None:
    """From a table that is a single file; offline as of each row, online after materialize."""
    table = tmp_path / "data/rates.parquet"
    times = [NOON - HOUR, NOON]
    pl.DataFrame({"rate": [0.5, 0.75], "event_timestamp": times}).write_parquet(table)
    source = FileSource(name="rates", path="rates.parquet", timestamp_field="event_timestamp")
    store.apply([FeatureView(name="rates", schema=[Field(name="rate", dtype=Float64)], source=source)])
    found = history(store, entity_rows(("a", "x", -1), ("b", "y", 0)), ["rates:rate"])
    assert found["rate"].tolist() == [0.5, 0.75]
    store.materialize(NOON - 2 * HOUR, NOON, feature_views=["rates"])
    assert store.get_online_features(["rates:rate"], [{"user_id": "a"}]).to_dict()["rate"] == [0.75]


def test_an_unset_variable_in_the_root_is_refused() -> None:
    """Feast keeps it literally and goes on."""
    with pytest.raises(ValidationError, match="NO_SUCH_ROOT"):
        ParquetOfflineStoreConfig(root="${NO_SUCH_ROOT}/data")


def test_applying_views_of_folders_that_do_not_exist_yet_says_nothing(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A source with rows but without its time column is an error."""
    provider, source = store._get_provider(), store.get_stream_feature_view("user_orders").batch_source
    provider.validate_data_source(store.config, source)
    assert not caplog.records
    profile = store.get_feature_view("user_profile").batch_source
    profile.timestamp_field = "when"
    with pytest.raises(SourceError, match="no column 'when'"):
        provider.validate_data_source(store.config, profile)


def test_written_rows_are_appended_and_found(store: FeatureStore, tmp_path: Path) -> None:
    """What was there stays as it is: a new file, in microseconds."""
    before = {path: path.read_bytes() for path in (tmp_path / "data/tables/affinity").glob("*.parquet")}
    rows = {"user_id": ["c"], "product_id": ["x"], "score": [1], "event_timestamp": [NOON]}
    store.write_to_offline_store("affinity", pd.DataFrame(rows))
    assert {path: path.read_bytes() for path in before} == before
    assert history(store, entity_rows(("c", "x", 0)), ["affinity:score"])["score"].tolist() == [1.0]


def test_rows_are_written_to_a_table_that_is_a_single_file(store: FeatureStore, tmp_path: Path) -> None:
    """As the tables of Feast's templates are; it keeps its name."""
    pl.DataFrame({"user_id": ["a"], "rate": [0.5], "event_timestamp": [NOON - HOUR]}).write_parquet(
        tmp_path / "data/rates.parquet"
    )
    source = FileSource(name="rates", path="rates.parquet", timestamp_field="event_timestamp")
    schema = [Field(name="user_id", dtype=String), Field(name="rate", dtype=Float64)]
    store.apply([FeatureView(name="rates", entities=[user], schema=schema, source=source)])
    store.write_to_offline_store(
        "rates", pd.DataFrame({"user_id": ["a"], "rate": [0.75], "event_timestamp": [NOON]})
    )
    rows = entity_rows(("a", "x", -1), ("a", "x", 0))
    assert history(store, rows, ["rates:rate"])["rate"].tolist() == [0.5, 0.75]
    far = FileSource(name="far", path="memory://far/rates.parquet", timestamp_field="event_timestamp")
    with pytest.raises(SourceError, match="let the source's path be a folder"):
        Source(store.config, far).append(
            pl.DataFrame({"event_timestamp": [NOON]}), timestamp="event_timestamp"
        )


def test_written_rows_use_the_names_of_the_files(store: FeatureStore, tmp_path: Path) -> None:
    """A mapped column is written back under its own name."""
    row = {
        "user_id": ["c"],
        "lvl": [4],
        "city": ["Lima"],
        "event_timestamp": [NOON],
        "created_timestamp": [NOON],
    }
    store.write_to_offline_store("user_profile", pd.DataFrame(row))
    assert history(store, entity_rows(("c", "x", 0)), ["user_profile:level"])["level"].tolist() == [4]


def test_rows_of_windows_and_unknown_columns_are_not_written(store: FeatureStore) -> None:
    """The log of events is the only history of a window."""
    write, config = store._get_provider().offline_store.offline_write_batch, store.config
    with pytest.raises(SourceError, match="computed from events"):
        write(config, store.get_stream_feature_view("user_orders"), pa.table({}), None)
    with pytest.raises(SourceError, match=r"missing: \['event_timestamp', .*unknown: \['x'\]"):
        write(config, store.get_feature_view("affinity"), pa.table({"x": [1], "user_id": ["a"]}), None)


def test_a_saved_dataset_is_read_back(store: FeatureStore, tmp_path: Path) -> None:
    """And not overwritten unless that is wanted."""
    storage = SavedDatasetFileStorage(path="saved/training")
    job = store.get_historical_features(entity_rows(("a", "x", 0)), store.get_feature_service("everything"))
    store.create_saved_dataset(job, "training", storage)
    assert store.get_saved_dataset("training").to_df()["level"].tolist() == [2]
    with pytest.raises(SavedDatasetLocationAlreadyExists):
        store.create_saved_dataset(job, "training", storage)
    store.create_saved_dataset(job, "training", storage, allow_overwrite=True)
    assert len(store.get_saved_dataset("training").to_df()) == 1
    job.persist(SavedDatasetFileStorage(path="saved/one.parquet"))
    assert pl.read_parquet(tmp_path / "data/saved/one.parquet").height == 1


def test_results_go_to_remote_storage_as_files(store: FeatureStore) -> None:
    """The paths are returned."""
    job = store.get_historical_features(entity_rows(("a", "x", 0), ("b", "x", 0)), ["user_profile:level"])
    assert job.supports_remote_storage_export()
    assert pl.read_parquet(job.to_remote_storage())["level"].to_list() == [2, None]


def test_latest_and_all_rows_of_a_table(store: FeatureStore) -> None:
    """Both ends of the interval are included."""
    offline, source = store._get_provider().offline_store, store.get_feature_view("user_profile").batch_source
    columns = (["user_id"], ["lvl"], "event_timestamp", "created_timestamp", NOON - HOUR, NOON)
    latest = offline.pull_latest_from_table_or_query(store.config, source, *columns).to_df()
    assert latest[["user_id", "lvl"]].to_numpy().tolist() == [["a", 2]]
    everything = offline.pull_all_from_table_or_query(store.config, source, *columns).to_df()
    assert sorted(everything["lvl"]) == [1, 2, 3]


@pytest.mark.parametrize("partition_by", [None, ["city"]])
def test_logs_of_served_features_are_appended(
    store: FeatureStore, tmp_path: Path, partition_by: list[str] | None
) -> None:
    """To the folder of their destination, below the root."""
    logging = LoggingConfig(destination=FileLoggingDestination(path="logs", partition_by=partition_by))
    source = FeatureServiceLoggingSource(store.get_feature_service("everything"), "small")
    table = pa.table({"city": ["Oslo", "Rome"], "level": [1, 2]})
    for _ in range(2):
        store._get_provider().offline_store.write_logged_features(
            store.config, table, source, logging, store.registry
        )
    assert pl.read_parquet(f"{tmp_path}/data/logs/**/*.parquet", hive_partitioning=False).height == 4
