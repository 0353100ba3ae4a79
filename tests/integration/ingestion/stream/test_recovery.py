"""Workers that share the views, restart with snapshots and take over from one another, between a real broker and a real Redis."""

import time
from collections.abc import Sequence
from pathlib import Path

from ingestion.stream.snapshots import MANIFEST
from tests.integration.ingestion.stream.stream_shop import Order, StreamShop, definitions, orders
from tests.integration.ingestion.stream.test_worker import assert_archived_once, wait_until_served
from tests.integration.ingestion.stream.worker_process import WorkerProcess, running_worker, wait_for
from tests.services import RunningKafka, RunningRedis

SMALL = {"SHOP_STREAM_BATCH_MAX_MESSAGES": "50", "SHOP_STREAM_ARCHIVE_MAX_ROWS": "50"}


def value(worker: WorkerProcess, metric: str) -> float:
    """Sum of a metric over its labels; 0 while it is not there."""
    if not worker.health():
        return 0.0
    lines = worker.metrics().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"shop_stream_{metric}"))


def wait_for_units(workers: Sequence[WorkerProcess], units: int) -> None:
    """Until the workers keep so many units between them, and each of them some."""

    def shared() -> bool:
        counts = [value(worker, "units ") for worker in workers]
        return sum(counts) == units and all(counts)

    wait_for(shared, f"{units} units on {len(workers)} workers")


def folded(log: Path) -> int:
    """How many events the worker says it took from the archive at its start."""
    return int(log.read_text().split("events_folded=")[1].split()[0])


def newest_snapshot_us(shop: StreamShop) -> int:
    """When the newest complete snapshot was taken, which begins its name; 0 while there is none."""
    manifests = (shop.folder / "data" / "snapshots").glob(f"*/*/{MANIFEST}")
    return max((int(path.parent.name.split("-")[0]) for path in manifests), default=0)


def test_a_restart_folds_only_what_is_behind_the_snapshot(shop: StreamShop, tmp_path: Path) -> None:
    """Stopped in order: nothing is folded, nothing is pushed again, and every order counts once."""
    sent = orders(300)
    with running_worker(shop.environment(), tmp_path / "first.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    sent += (more := orders(20, first=300))
    shop.send(more)
    with running_worker(shop.environment(), tmp_path / "second.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    assert "restored" in (said := (tmp_path / "second.log").read_text())
    assert folded(tmp_path / "second.log") == 0
    assert "every row will be pushed" not in said
    assert_archived_once(shop, sent)


def test_a_killed_worker_continues_from_a_snapshot_taken_beside_the_stream(
    shop: StreamShop, tmp_path: Path
) -> None:
    """A child wrote it while the stream went on; what was archived behind it is folded, the rest is read again."""
    environment = shop.environment(SHOP_STREAM_SNAPSHOT_SECONDS="0.5", SHOP_STREAM_INSTANCE="one", **SMALL)
    sent = orders(600)
    with running_worker(environment, tmp_path / "first.log") as worker:
        worker.wait_until("ready")
        shop.send(sent[:300])
        wait_for(lambda: shop.archived().height == 300, "half of them to be archived")
        archived_us = time.time_ns() // 1000
        wait_for(lambda: newest_snapshot_us(shop) > archived_us, "a snapshot of them")
        shop.send(sent[300:])
        wait_for(lambda: shop.archived().height > 400, "more to be archived")
        worker.kill()
    with running_worker(environment, tmp_path / "second.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    assert "restored" in (tmp_path / "second.log").read_text()
    assert folded(tmp_path / "second.log") < 600
    assert_archived_once(shop, sent)


def test_broken_snapshots_are_refused_and_the_archive_is_folded(shop: StreamShop, tmp_path: Path) -> None:
    """Each file is cut short: the worker says so and computes the views from the archive."""
    sent = orders(100)
    with running_worker(shop.environment(), tmp_path / "first.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    images = list((shop.folder / "data" / "snapshots").rglob("unit-*.img"))
    assert images
    for image in images:
        image.write_bytes(image.read_bytes()[:-7])
    with running_worker(shop.environment(), tmp_path / "second.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    said = (tmp_path / "second.log").read_text()
    assert "snapshot refused" in said
    assert folded(tmp_path / "second.log") == 100


def test_a_changed_view_is_computed_alone(shop: StreamShop, tmp_path: Path) -> None:
    """One of two views gets another window: it comes from the archive, the other one from its snapshot."""
    sent = orders(100)
    with running_worker(shop.environment(), tmp_path / "first.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    shop.store().apply(definitions(shop.name, longer=True))
    with running_worker(shop.environment(), tmp_path / "second.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    said = (tmp_path / "second.log").read_text()
    assert "computing from the archive view=user_orders share=0 why='its definition has changed'" in said
    assert "computing from the archive view=product_orders" not in said


def test_a_view_added_while_the_worker_runs_joins_without_a_gap(shop: StreamShop, tmp_path: Path) -> None:
    """Orders come in before, while and after the view is computed over the archive; the others go on."""
    shop.store().apply(definitions(shop.name)[:5])
    shop.store().delete_feature_view("product_orders")
    environment = shop.environment(SHOP_STREAM_REFRESH_SECONDS="0.5", **SMALL)
    sent = orders(200)
    with running_worker(environment, tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        shop.store().apply(definitions(shop.name))
        for _ in range(10):
            sent += (more := orders(20, first=len(sent)))
            shop.send(more)
            wait_until_served_by(shop, sent, "user_orders")
        wait_for_units([worker], 2)
        sent += (more := orders(20, first=len(sent)))
        shop.send(more)
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    assert "view new" in (tmp_path / "worker.log").read_text()
    assert_archived_once(shop, sent)


def wait_until_served_by(shop: StreamShop, sent: list[Order], view: str) -> None:
    store = shop.store()
    wait_for(
        lambda: not [found for found in shop.differences(sent, store) if found.startswith(view)],
        f"{view} to be right",
    )


def test_two_workers_share_the_views_and_one_that_leaves_hands_over(shop: StreamShop, tmp_path: Path) -> None:
    """In four shares each; the units of the one that is stopped are restored from what it left."""
    environment = shop.environment(SHOP_STREAM_SHARES="4", **SMALL)
    with running_worker(environment, tmp_path / "first.log") as first:
        first.wait_until("ready")
        sent = orders(200)
        shop.send(sent)
        wait_until_served(shop, sent)
        with running_worker(environment, tmp_path / "second.log") as second:
            wait_for_units([first, second], 8)
            sent += (more := orders(200, first=200))
            shop.send(more)
            wait_until_served(shop, sent)
            assert first.stop() == 0, first.log.read_text()
            sent += (more := orders(200, first=400))
            shop.send(more)
            wait_for_units([second], 8)
            wait_until_served(shop, sent)
            assert second.stop() == 0, second.log.read_text()
    assert "computing from the archive" not in (tmp_path / "second.log").read_text()
    assert_archived_once(shop, sent)


def test_the_units_of_a_killed_worker_go_to_the_others(shop: StreamShop, tmp_path: Path) -> None:
    """It leaves nothing behind: older snapshots, the archive and Kafka give what it had."""
    environment = shop.environment(SHOP_STREAM_SHARES="4", SHOP_STREAM_SNAPSHOT_SECONDS="1", **SMALL)
    with (
        running_worker(environment, tmp_path / "first.log") as first,
        running_worker(environment, tmp_path / "second.log") as second,
    ):
        wait_for_units([first, second], 8)
        sent = orders(300)
        shop.send(sent)
        wait_until_served(shop, sent)
        first.kill()
        sent += (more := orders(200, first=300))
        shop.send(more)
        wait_for_units([second], 8)
        wait_until_served(shop, sent)
        assert second.stop() == 0, second.log.read_text()
    assert_archived_once(shop, sent)


def test_a_redis_that_was_started_again_is_given_everything(
    tmp_path: Path, kafka_broker: RunningKafka, own_redis: RunningRedis
) -> None:
    """It comes back empty while nothing is pushed: the worker notices by its run id."""
    shop = StreamShop(tmp_path / "shop", kafka_broker.bootstrap, own_redis.address)
    shop.apply()
    sent = orders(50)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        with own_redis.client() as client:
            client.flushall()
        own_redis.kill()
        own_redis.restart()
        wait_until_served(shop, sent)
        assert worker.stop() == 0, worker.log.read_text()
