"""Somebody is erased everywhere, between a real broker and a real Redis, beside a running stream worker."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore, FeatureView, FileSource
from feast.field import Field
from feast.types import String

from ingestion.archive import Archive
from ingestion.predictions.frame import SCHEMA
from tests.erasing import Erasing, traces_in_files, traces_in_redis
from tests.integration.ingestion.stream.stream_shop import (
    PRODUCTS,
    Order,
    StreamShop,
    definitions,
    orders,
)
from tests.integration.ingestion.stream.worker_process import WorkerProcess, running_worker, wait_for
from tests.services import RunningKafka, RunningRedis

GONE = "user_2"
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(tmp_path: Path, kafka_broker: RunningKafka, redis_server: RunningRedis) -> StreamShop:
    """Two windowed views and a table of customers."""
    shop = StreamShop(tmp_path / "shop", kafka_broker.bootstrap, redis_server.address)
    shop.apply()
    registered = definitions(shop.name)
    table = FileSource(name="profiles", path="tables/profiles", timestamp_field="event_timestamp")
    view = FeatureView(
        name="profile",
        entities=[registered[0]],
        schema=[Field(name="user_id", dtype=String), Field(name="country", dtype=String)],
        source=table,
        ttl=timedelta(0),
    )
    shop.store().apply([*registered, table, view])
    return shop


@pytest.fixture
def erasing(shop: StreamShop) -> Erasing:
    erasing = Erasing(shop.bootstrap, shop.environment())
    RunningKafka.create(RunningKafka(None, shop.bootstrap), erasing.variables["SHOP_ERASURES_TOPIC"], 1)  # type: ignore[arg-type]
    return erasing


def history(shop: StreamShop) -> list[Order]:
    """Orders that were loaded from files, a prediction and a profile of everybody."""
    old = orders(60, first=1_000, before=6 * HOUR)
    shop.archive.write(
        pl.DataFrame(
            [
                {
                    "order_id": o.order_id,
                    "event_timestamp": o.at,
                    "user_id": o.user,
                    "product_id": o.product,
                    "amount": o.amount,
                }
                for o in old
            ]
        )
    )
    users = sorted({o.user for o in old})
    now = datetime.now(UTC)
    rows = pl.DataFrame({"event_timestamp": [now] * len(users), "user_id": users, "request_id": users})
    absent = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in rows.columns]
    kept = rows.with_columns(pl.lit("r").alias("request_id"), *absent).select(list(SCHEMA))
    Archive.at(shop.folder / "data" / "predictions").write(kept.cast(dict(SCHEMA)))
    profiles = rows.select("user_id", "event_timestamp").with_columns(pl.lit("DE").alias("country"))
    Archive.at(shop.folder / "data" / "tables" / "profiles").folder.publish({"0-a.parquet": profiles})
    shop.store().materialize(now - HOUR, now + HOUR, ["profile"])
    reports, quarantine = (shop.folder / "data" / name for name in ("reports", "quarantine/events-orders/a"))
    reports.mkdir()
    quarantine.mkdir(parents=True)
    (reports / "check.json").write_text(json.dumps({"examples": rows.select("user_id").to_dicts()}))
    rows.with_columns(pl.lit(["negative"]).alias("_reasons")).write_parquet(quarantine / "rows.parquet")
    return old


def others(sent: Sequence[Order]) -> list[Order]:
    return [order for order in sent if order.user != GONE]


def wait_until_served(shop: StreamShop, sent: Sequence[Order]) -> None:
    store = shop.store()
    wait_for(lambda: not shop.differences(sent, store), "the features of these orders")


def as_history(shop: StreamShop, store: FeatureStore) -> None:
    """What is served of products equals `get_historical_features`."""
    features = ["product_orders:product_user_id_count_distinct_1d", "product_orders:product_amount_max_1d"]
    now = datetime.now(UTC)
    entities = pl.DataFrame({"product_id": PRODUCTS, "event_timestamp": [now] * len(PRODUCTS)}).to_pandas()
    past = store.get_historical_features(entities, features).to_df()
    served = store.get_online_features(features, [{"product_id": p} for p in PRODUCTS]).to_dict()
    for feature in features:
        name = feature.partition(":")[2]
        assert past[name].tolist() == pytest.approx(served[name])


def erased(worker: WorkerProcess, topic: str) -> float:
    lines = [x for x in worker.metrics().splitlines() if x.startswith("shop_stream_events_erased_total{")]
    return sum(float(line.split()[-1]) for line in lines if topic in line)


def test_nothing_is_left_of_somebody_and_everything_of_the_others(
    shop: StreamShop, erasing: Erasing, redis_server: RunningRedis, tmp_path: Path
) -> None:
    """Redis, windows, snapshots, archive, table, log, dead letters, reports; late events stay out, new ones count."""
    old = history(shop)
    sent = [*old, *orders(200)]
    environment = {**shop.environment(SHOP_STREAM_SNAPSHOT_SECONDS="0.5"), **erasing.variables}
    with running_worker(environment, tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        rubbish = [b'{"user_id": "user_2"}', b'{"user_id": "user_4", "amount": 1}']
        shop.send([*sent[60:], *rubbish])
        wait_until_served(shop, sent)
        wait_for(lambda: len(erasing.messages("SHOP_DEAD_LETTER_TOPIC")) == 2, "two dead letters")
        wait_for(lambda: len(shop.archived()) == 260, "all of it archived")
        wait_for(lambda: list((shop.folder / "data/snapshots").rglob("manifest.json")), "a snapshot")
        before = shop.archived()
        assert traces_in_files(shop.folder / "data", GONE)
        assert traces_in_redis(redis_server, GONE, shop.name)

        receipt = erasing.ask(GONE)
        told = erasing.once()
        assert "1 requests carried out" in told

        wait_until_served(shop, others(sent))
        late = Order("late", datetime.now(UTC) - HOUR, GONE, PRODUCTS[0], 999.0)
        back = Order("back", datetime.now(UTC), GONE, PRODUCTS[1], 2.0)
        shop.send([late, b'{"user_id": "user_2", "amount": 0}'])
        wait_for(lambda: erased(worker, shop.name) == 2, "a late event and a late letter")
        assert traces_in_files(shop.folder / "data", GONE) == []
        assert traces_in_redis(redis_server, GONE, shop.name) == []
        as_history(shop, shop.store())

        after = shop.archived()
        assert after.equals(before.filter(pl.col("user_id") != GONE))
        assert [m.value() for m in erasing.messages("SHOP_DEAD_LETTER_TOPIC")] == [rubbish[1]]
        assert erasing.messages("SHOP_ERASURES_TOPIC") == []
        done = erasing.receipt(receipt)
        assert (done["state"], {p["state"] for p in done["places"].values()}) == ("done", {"done"})
        assert done["places"]["archive"]["removed"] == len(before) - len(after)
        assert (done["places"]["prediction_log"]["removed"], done["places"]["tables"]["removed"]) == (1, 1)
        assert done["places"]["dead_letters"]["removed"] == 1
        assert (done["places"]["reports"]["removed"], done["places"]["quarantine"]["removed"]) == (1, 1)
        hashed = hashlib.blake2b(GONE.encode(), key=bytes.fromhex("ab" * 16), digest_size=32).hexdigest()
        assert done["person"] == {"salt": "ab" * 16, "hash": hashed}
        assert {r["place"] for r in done["remains"]} == {f"topic {shop.name}"}

        shop.send([back])
        wait_until_served(shop, [*others(sent), back])
        assert worker.stop() == 0
    with running_worker(environment, tmp_path / "again.log") as worker:
        worker.wait_until("ready")
        wait_until_served(shop, [*others(sent), back])
        assert "restored" in (tmp_path / "again.log").read_text()
        wait_for(lambda: shop.archived().height == len(after) + 1, "the new order in the archive")
        assert worker.stop() == 0


def test_killed_in_the_middle_it_goes_on(
    shop: StreamShop, erasing: Erasing, redis_server: RunningRedis, tmp_path: Path
) -> None:
    """SIGKILL while windows are computed anew, and while replaced files wait; a repeated request is done as well."""
    sent = [*history(shop), *orders(50)]
    receipts = [erasing.ask(GONE)]
    with erasing.running() as process:
        wait_for(lambda: erasing.receipt(receipts[0]).get("state") == "under_way", "a beginning")
        wait_for(
            lambda: "compute anew" in erasing.receipt(receipts[0])["places"]["stream_state"]["reason"],
            "a wait",
        )
        process.kill()
    receipts.append(erasing.ask(GONE))
    with running_worker({**shop.environment(), **erasing.variables}, tmp_path / "worker.log") as worker:
        worker.wait_until("ready")
        shop.send(sent[60:])
        with erasing.running(SHOP_ERASE_GRACE_SECONDS="600") as process:
            wait_for(
                lambda: (
                    "readers"
                    in erasing.receipt(receipts[1]).get("places", {}).get("archive", {}).get("reason", "")
                ),
                "replaced files",
            )
            process.kill()
        erasing.once()
        wait_until_served(shop, others(sent))
        assert [erasing.receipt(receipt)["state"] for receipt in receipts] == ["done", "done"]
        assert traces_in_files(shop.folder / "data", GONE) == []
        assert traces_in_redis(redis_server, GONE, shop.name) == []
        assert worker.stop() == 0
    assert set(shop.archived()["order_id"]) == {order.order_id for order in others(sent)}
