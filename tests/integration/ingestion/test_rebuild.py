"""The online store from the archive and the tables alone, with real servers."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from feast import Entity, FeatureView, FileSource, ValueType
from feast.field import Field
from feast.types import Float64, String

from infra.services.ports import LOOPBACK, free_port
from ingestion import rebuild
from tests.integration.ingestion.stream.stream_shop import USERS, StreamShop, orders
from tests.integration.ingestion.stream.test_worker import wait_until_served
from tests.integration.ingestion.stream.worker_process import running_worker, wait_for
from tests.services import RunningKafka, RunningRedis

PLAN = FeatureView(
    name="user_plan",
    entities=[Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)],
    schema=[Field(name="user_id", dtype=String), Field(name="discount", dtype=Float64)],
    source=FileSource(name="user_plan_table", path="tables/user_plan", timestamp_field="event_timestamp"),
)


@pytest.fixture
def shop(tmp_path: Path, kafka_broker: RunningKafka, own_redis: RunningRedis) -> StreamShop:
    """With a table beside the events: each user's discount."""
    made = StreamShop(tmp_path / "shop", kafka_broker.bootstrap, own_redis.address)
    made.apply()
    made.store().apply([PLAN])
    return made


def write_table(shop: StreamShop) -> None:
    folder = shop.folder / "data" / "tables" / "user_plan"
    folder.mkdir(parents=True)
    rows = {"user_id": USERS, "discount": [n / 10 for n in range(len(USERS))]}
    times = pl.lit(datetime.now(UTC)).cast(pl.Datetime("us", "UTC"))
    pl.DataFrame(rows).with_columns(event_timestamp=times).write_parquet(folder / "a.parquet")


def discounts(shop: StreamShop) -> list[float | None]:
    users = [{"user_id": user} for user in USERS]
    told = shop.store().get_online_features(["user_plan:discount"], users).to_dict()
    return list(told["discount"])


def rebuilt(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], *views: str) -> int:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return rebuild.main(views)


def test_every_value_comes_back_from_files_alone(
    shop: StreamShop, own_redis: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis and the worker's state are gone, Kafka is not there: every value of every view is what the oracle says."""
    sent = orders(300)
    write_table(shop)
    with running_worker(shop.environment(), tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        assert worker.stop() == 0
    shutil.rmtree(shop.folder / "data" / "snapshots")
    alone = shop.environment(SHOP_KAFKA_BOOTSTRAP=f"{LOOPBACK}:{free_port()}")
    store = shop.store()

    def all_right() -> bool:
        """From nothing; again where a window lost a tile in between, which nobody passes on."""
        with own_redis.client() as client:
            client.flushall()
        assert shop.differences(sent, store)
        assert rebuilt(monkeypatch, alone) == 0
        return not shop.differences(sent, store)

    wait_for(all_right, f"every value to be right; differ: {shop.differences(sent, store)[:3]}")
    assert discounts(shop) == [n / 10 for n in range(len(USERS))]


def test_beside_a_stream_a_store_that_lost_everything_is_filled_by_both(
    shop: StreamShop, own_redis: RunningRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker notices a FLUSHALL and gives it every row, also of events that are not archived; newer rows stay."""
    sent = orders(100)
    write_table(shop)
    environment = shop.environment(SHOP_STREAM_ARCHIVE_SECONDS="60")
    with running_worker(environment, tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent)
        wait_until_served(shop, sent)
        with own_redis.client() as client:
            client.flushall()
        sent += (more := orders(50, first=100))
        shop.send(more)
        wait_until_served(shop, sent)
        assert rebuilt(monkeypatch, environment, "user_plan") == 0
        assert discounts(shop)[1] == 0.1
        assert worker.stop() == 0
    assert rebuilt(monkeypatch, environment) == 0
    wait_until_served(shop, sent)


def test_what_cannot_be_rebuilt_is_named(
    shop: StreamShop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty archive, a view that is not there, a table without rows, a Redis that does not answer."""
    environment = shop.environment()
    assert rebuilt(monkeypatch, environment, "user_order") == 1
    assert "no view ['user_order'] is served online; there are ['product_orders'" in capsys.readouterr().err
    assert rebuilt(monkeypatch, environment) == 1
    assert "hold no event; correct offline_store.root" in capsys.readouterr().err
    sent = orders(3)
    shop.archive.write(
        pl.DataFrame(
            {
                "order_id": [order.order_id for order in sent],
                "event_timestamp": pl.Series([order.at for order in sent]).cast(pl.Datetime("us", "UTC")),
                "user_id": [order.user for order in sent],
                "product_id": [order.product for order in sent],
                "amount": [order.amount for order in sent],
            }
        )
    )
    assert rebuilt(monkeypatch, environment) == 1
    said = capsys.readouterr()
    assert "user_plan was not rebuilt: 'user_plan_table' has no rows yet" in said.err
    assert "product_orders" in said.out
    elsewhere = StreamShop(shop.folder, shop.bootstrap, f"{LOOPBACK}:{free_port()}", shop.name)
    elsewhere.configure()
    assert rebuilt(monkeypatch, environment) == 1
    assert "was not reached" in capsys.readouterr().err
