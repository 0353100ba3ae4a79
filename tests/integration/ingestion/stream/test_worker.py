"""The worker between a real broker and a real Redis: what goes in comes out, whatever is killed."""

import signal
from pathlib import Path

import pytest

from ingestion import deadletters
from ingestion.stream.settings import StreamSettings
from tests.integration.ingestion.stream.stream_shop import Order, StreamShop, orders
from tests.integration.ingestion.stream.worker_process import running_worker, wait_for
from tests.services import RunningKafka, RunningRedis

RUBBISH = [b"{", b"", b'{"order_id": "x"}', b"\xff\xfe", b"[1]"]


def wait_until_served(shop: StreamShop, sent: list[Order]) -> None:
    """Until every entity's features equal the oracle's."""
    store = shop.store()
    wait_for(
        lambda: not shop.differences(sent, store), f"no differences: {shop.differences(sent, store)[:5]}"
    )


def assert_archived_once(shop: StreamShop, sent: list[Order]) -> None:
    """Every message that was sent is in the archive, once."""
    archived = shop.archived()
    assert sorted(archived["order_id"].to_list()) == sorted(order.order_id for order in sent)
    assert not archived.select("_partition", "_offset").is_duplicated().any()


def test_orders_become_features_and_rubbish_becomes_dead_letters(
    shop: StreamShop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeats count once, an hour-old order counts, five bad messages are kept aside, and SIGTERM loses nothing."""
    sent = orders(200)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send([*sent[:100], *RUBBISH, *sent[90:], *sent[:5]])
        wait_until_served(shop, sent)
        metrics = worker.metrics()
        assert worker.stop() == 0, worker.log.read_text()
    assert f'messages_consumed_total{{topic="{shop.name}"}} 220.0' in metrics
    assert f'events_repeated_total{{topic="{shop.name}"}} 15.0' in metrics
    assert_archived_once(shop, [*sent, *sent[90:100], *sent[:5]])
    for name, value in shop.environment().items():
        monkeypatch.setenv(name, value)
    assert deadletters.main(["list"]) == 0
    assert "5 dead letters" in capsys.readouterr().out


def test_dead_letters_are_replayed_once_after_a_fix(
    shop: StreamShop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Replayed messages are refused again here, as nothing was fixed: as many open letters as before, of new origins."""
    for name, value in shop.environment().items():
        monkeypatch.setenv(name, value)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send([*RUBBISH, *orders(3)])
        wait_for(lambda: len(letters()) == 5, "five dead letters")
        before = letters()
        assert deadletters.main(["show", "9", "--kind", "not_utf8"]) == 0
        assert "not UTF-8: byte 0xff" in capsys.readouterr().out
        assert deadletters.main(["replay", "--topic", shop.name]) == 0
        assert "5 replayed" in capsys.readouterr().out
        wait_for(lambda: len(letters()) == 5, "five dead letters again")
        assert not letters() & before
        assert worker.stop() == 0


def letters() -> set[object]:
    return set(deadletters.read_ledger(StreamSettings()).letters)


def test_a_killed_worker_loses_nothing_and_counts_nothing_twice(shop: StreamShop, tmp_path: Path) -> None:
    """SIGKILL in mid-stream, twice; orders come in while nobody works. Archive, Redis and oracle agree in the end."""
    small = {"SHOP_STREAM_BATCH_MAX_MESSAGES": "50", "SHOP_STREAM_ARCHIVE_MAX_ROWS": "50"}
    environment = shop.environment(SHOP_STREAM_INSTANCE="one", **small)
    sent: list[Order] = []
    for life in range(2):
        with running_worker(environment, tmp_path / f"worker_{life}.log") as worker:
            worker.wait_until("ready")
            sent += (some := orders(1500, first=len(sent)))
            shop.send(some)
            begun = len(sent) - 1400
            wait_for(lambda: shop.archived().height >= begun, "some orders to be archived")  # noqa: B023
            worker.kill()
        assert shop.archived().height < len(sent), "killed too late to be in mid-stream"
        sent += (more := orders(100, first=len(sent)))
        shop.send(more)
    with running_worker(environment, tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0, worker.log.read_text()
    assert_archived_once(shop, sent)


def test_redis_may_go_and_come_back(
    tmp_path: Path, kafka_broker: RunningKafka, own_redis: RunningRedis
) -> None:
    """While it is away the worker waits and says so; afterwards every order counts."""
    shop = StreamShop(tmp_path / "shop", kafka_broker.bootstrap, own_redis.address)
    shop.apply()
    sent = orders(50)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        own_redis.kill()
        sent += (more := orders(50, first=50))
        shop.send(more)
        worker.wait_until("online store away")
        own_redis.restart()
        worker.wait_until("ready")
        wait_until_served(shop, sent)
        assert worker.stop() == 0, worker.log.read_text()
    assert_archived_once(shop, sent)


def test_the_broker_may_go_and_come_back(
    tmp_path: Path, own_kafka: RunningKafka, redis_server: RunningRedis
) -> None:
    """Orders of before and after its restart all count, once."""
    shop = StreamShop(tmp_path / "shop", own_kafka.bootstrap, redis_server.address)
    shop.apply()
    sent = orders(50)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        own_kafka.kill()
        own_kafka.restart()
        sent += (more := orders(50, first=50))
        shop.send(more)
        wait_until_served(shop, sent)
        assert worker.stop() == 0, worker.log.read_text()
    assert_archived_once(shop, sent)


def test_a_worker_replaced_by_its_namesake_ends_with_a_clear_error(shop: StreamShop, tmp_path: Path) -> None:
    """Two workers with one instance name: the later one works, the earlier one says why it ended."""
    environment = shop.environment(SHOP_STREAM_INSTANCE="one")
    with running_worker(environment, tmp_path / "first.log") as first:
        first.wait_until("ready")
        with running_worker(environment, tmp_path / "second.log") as second:
            second.wait_until("ready")
            assert first.process.wait(30) == 1
            assert second.stop() == 0
    assert "SHOP_STREAM_INSTANCE" in first.log.read_text()


@pytest.mark.parametrize("away", ["kafka", "redis"])
def test_a_service_that_is_not_there_at_the_start_is_named(
    away: str, tmp_path: Path, kafka_broker: RunningKafka, redis_server: RunningRedis
) -> None:
    """Exit status 1 and one line: the address that was tried and the way out."""
    addresses = {"kafka": kafka_broker.bootstrap, "redis": redis_server.address, away: "127.0.0.1:1"}
    shop = StreamShop(tmp_path / "shop", addresses["kafka"], addresses["redis"])
    shop.apply()
    with running_worker(
        shop.environment(SHOP_STREAM_START_TIMEOUT_SECONDS="1"), tmp_path / "worker.log"
    ) as worker:
        assert worker.process.wait(60) == 1
        said = worker.log.read_text()
    assert "127.0.0.1:1" in said
    assert "make up" in said
    assert "Traceback" not in said


def test_a_parts_topic_that_is_not_ours_is_named(
    shop: StreamShop, kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """One partition: views of other parts would be kept by nobody. It says what to do."""
    kafka_broker.create(f"{shop.name}_parts", partitions=1)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        assert worker.process.wait(60) == 1
    assert "has 1 partitions, it must have 32" in (tmp_path / "worker.log").read_text()


def test_sigint_ends_it_like_sigterm(shop: StreamShop, tmp_path: Path) -> None:
    """Ctrl-C at the terminal is a clean end, too; the message read before is durable."""
    with running_worker(
        shop.environment(SHOP_STREAM_ARCHIVE_SECONDS="60"), tmp_path / "worker.log"
    ) as worker:
        worker.wait_until("ready")
        shop.send(sent := orders(9))
        wait_until_served(shop, sent)
        worker.process.send_signal(signal.SIGINT)
        assert worker.process.wait(30) == 0
    assert_archived_once(shop, sent)
