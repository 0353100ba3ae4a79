"""Snapshots in a bucket, on a server that speaks S3."""

from pathlib import Path

from ingestion.stream.snapshots import SnapshotStore
from tests.integration.ingestion.stream.stream_shop import StreamShop, orders
from tests.integration.ingestion.stream.test_recovery import folded
from tests.integration.ingestion.stream.test_worker import wait_until_served
from tests.integration.ingestion.stream.worker_process import running_worker
from tests.services import Bucket


def test_a_worker_restarts_from_a_snapshot_in_a_bucket(
    shop: StreamShop, bucket: Bucket, tmp_path: Path
) -> None:
    """Written here, sent there, its manifest last; the next worker folds nothing, and nothing is left here."""
    environment = shop.environment(SHOP_STREAM_SNAPSHOT_PATH=f"{bucket.url}/snapshots")
    sent = orders(100)
    with running_worker(environment, tmp_path / "first.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    store = SnapshotStore(f"{bucket.url}/snapshots/{shop.name}", tmp_path)
    assert len(list(store.manifests())) == 1
    with running_worker(environment, tmp_path / "second.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    assert folded(tmp_path / "second.log") == 0
    assert not list((shop.folder / "data" / "snapshots_outbox").rglob("*.img"))
    store.prune(lambda _key: False)
    assert list(store.manifests()) == []
