"""The offline store, the archive and its compaction in a bucket, on a server that speaks S3."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
import s3fs
from feast import FeatureStore
from feast.feature_logging import FeatureServiceLoggingSource, LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination, SavedDatasetFileStorage

from ingestion.archive import Archive
from ingestion.compaction import Compaction
from ingestion.erasures.kept import Erasures
from ingestion.erasures.rewriting import Rewriting, fence
from ingestion.folder import Folder
from ingestion.folder_lock import FolderInUseError, alone
from ingestion.stream.archive_index import ArchiveIndex
from tests.services import Bucket
from tests.small_shop import NOON, entity_rows, order, small_shop, write_orders, write_table

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path, bucket: Bucket) -> FeatureStore:
    """Tables of one user and three orders in a bucket; the registry is a local file."""
    store = small_shop(
        tmp_path, {"type": "sqlite", "path": str(tmp_path / "online.db")}, root=f"{bucket.url}/data"
    )
    columns = {"user_id": ["a", "a"], "product_id": ["x", "x"], "score": [0.25, 0.5]}
    write_table(bucket.url, "affinity", **columns, event_timestamp=[NOON - HOUR, NOON])
    write_orders(bucket.url, [order("1", "a", -50), order("2", "a", -2)])
    write_orders(bucket.url, [order("3", "a", -1), order("2", "a", -2, late=1)], first_offset=2)
    return store


FEATURES = ["user_orders:user_orders_count_1h", "user_orders:user_product_id_last_3h", "affinity:score"]


def expected() -> list[list[object]]:
    return [[3, "x", 0.5], [0, None, None]]


def values(frame: pd.DataFrame) -> list[list[object]]:
    names = [name.split(":")[1] for name in FEATURES]
    return [[None if pd.isna(v) else v for v in row] for row in frame[names].to_numpy().tolist()]


def test_history_is_read_from_a_bucket(store: FeatureStore) -> None:
    """Windows from the archive, values from a table, repeats taken out."""
    found = store.get_historical_features(entity_rows(("a", "x", 0), ("b", "x", 0)), FEATURES).to_df()
    assert values(found) == expected()


def test_a_source_may_name_the_server_of_its_bucket(
    store: FeatureStore, bucket: Bucket, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So may a saved dataset and a destination of logs; the environment names another one."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    s3fs.S3FileSystem.clear_instance_cache()
    views = [store.get_stream_feature_view("user_orders"), store.get_feature_view("affinity")]
    for source in (view.batch_source for view in views):
        source.file_options.s3_endpoint_override = s3_server
    store.apply(views)
    job = store.get_historical_features(entity_rows(("a", "x", 0), ("b", "x", 0)), FEATURES)
    assert values(job.to_df()) == expected()
    storage = SavedDatasetFileStorage("saved", s3_endpoint_override=s3_server)
    store.create_saved_dataset(job, "kept", storage)
    assert values(store.get_saved_dataset("kept").to_df()) == expected()
    logging = LoggingConfig(destination=FileLoggingDestination(path="logs", s3_endpoint_override=s3_server))
    service = FeatureServiceLoggingSource(store.get_feature_service("everything"), store.project)
    offline = store._get_provider().offline_store
    offline.write_logged_features(store.config, job.to_arrow(), service, logging, store.registry)
    logs = Folder(f"{bucket.url}/data/logs", endpoint=s3_server)
    assert logs.height(logs.files()) == 2


def test_results_are_kept_in_a_bucket(store: FeatureStore, bucket: Bucket) -> None:
    """As exports and as saved datasets."""
    job = store.get_historical_features(entity_rows(("a", "x", 0), ("b", "x", 0)), FEATURES)
    written = job.to_remote_storage()
    folder = Folder(f"s3://{written[0].rpartition('/')[0]}")
    names = [path.rpartition("/")[2] for path in written]
    assert values(folder.scan(names).collect().to_pandas()) == expected()
    job.persist(SavedDatasetFileStorage("saved"))
    saved = Folder(f"{bucket.url}/data/saved")
    assert saved.height(saved.files()) == 2


def test_rows_are_pushed_to_a_table_in_a_bucket(store: FeatureStore) -> None:
    """As files of their own."""
    rows = pd.DataFrame({"user_id": ["a"], "product_id": ["x"], "score": [0.75], "event_timestamp": [NOON]})
    for _ in range(2):
        store.write_to_offline_store("affinity", rows)
    found = store.get_historical_features(entity_rows(("a", "x", 0)), ["affinity:score"]).to_df()
    assert found["score"].tolist() == [0.75]


def test_windows_are_materialized_from_a_bucket(store: FeatureStore) -> None:
    """What is served is what history says."""
    store.materialize(NOON - 10 * HOUR, NOON, feature_views=["user_orders", "affinity"])
    keys = [{"user_id": user, "product_id": "x"} for user in "ab"]
    served = store.get_online_features(FEATURES, keys).to_df()
    assert values(served)[0] == expected()[0]


def test_small_files_of_a_bucket_are_joined(bucket: Bucket) -> None:
    """One compaction at a time; readers see every row once, before and after the small files are deleted."""
    archive, now = Archive(bucket.url, "visits"), [0]
    day = datetime(2024, 5, 1, tzinfo=UTC)
    for i in range(4):
        times = [day + timedelta(days=d, minutes=i) for d in range(2)]
        position = {"_topic": "visits", "_partition": 0, "_offset": [2 * i, 2 * i + 1]}
        archive.write(pl.DataFrame({"id": [2 * i, 2 * i + 1], "event_timestamp": times, **position}))

    def compaction() -> Compaction:
        return Compaction(Folder(archive.folder.url), now_us=lambda: now[0], target_bytes=2**20, grace=HOUR)

    def ids() -> list[int]:
        return sorted(Archive(bucket.url, "visits").scan(None, None).collect()["id"])

    assert compaction().run().joined == 8
    assert len(archive.files()) == 2
    assert ids() == list(range(8))
    assert ArchiveIndex(archive, "visits").refresh().last_offsets() == {0: 7}
    now[0] = 2 * HOUR // timedelta(microseconds=1)
    assert compaction().run().deleted == 8
    assert ids() == list(range(8))
    with alone(archive.folder, lambda: now[0]), pytest.raises(FolderInUseError):
        compaction().run()


def test_somebody_is_erased_from_a_bucket(store: FeatureStore, bucket: Bucket) -> None:
    """Tombstones are kept there; the archive's files are replaced, and deleted after the grace."""
    erasures, end_us = Erasures(f"{bucket.url}/erasures"), int((NOON + HOUR).timestamp()) * 1_000_000
    erasures.bury("a", end_us)
    erasures.acknowledge("group~view~0~1~definition")
    assert erasures.tombstones().instant_us("a") == end_us
    assert erasures.acknowledged() == {"group~view~0~1~definition"}
    archive = Archive.at(f"{bucket.url}/data/archive/orders")
    fence(archive.folder)
    times = ("event_timestamp", "arrival_timestamp")
    rewriting = Rewriting(archive.folder, times, lambda: end_us, timedelta(0), "here")
    assert rewriting.leave_out({"a": end_us}, lambda _done, _total: None) == {"a": 4}
    assert rewriting.clear() == 0
    assert archive.scan(None, None).collect().is_empty()
    sizes = archive.folder.sizes()
    assert all("~" in name for name in sizes)
