import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from feast import FeatureStore
from feast.feature_view import FeatureViewState

from serving.errors import FeaturesUnavailableError
from serving.feast_reader import FeastReader
from serving.features import ViewRows
from serving.freshness import Freshness
from serving.metrics import Metrics
from serving.on_demand import WithOnDemand
from serving.plan import plan_features, plan_services
from serving.reading import Reading
from serving.registry import check_definitions, open_store, refresh_forever
from serving.scoring import LAST_VIEWED
from tests.api_process import wait_until
from tests.services import RunningRedis
from tests.serving_shop import (
    NOW,
    STOCK_STORE,
    STOCK_YAML,
    ServingShop,
    apply,
    card_of,
    configuration,
)
from tests.small_shop import WHOLE_FILE

ROWS = [
    {
        "user_id": user,
        "product_id": product,
        "device_id": device,
        "transaction_amount": amount,
        "request_seconds": 1_790_000_000 + i,
        "request_device_id": device,
    }
    for i, (user, product, device, amount) in enumerate(
        [
            ("user_0001", "prod_0002", "dev_0003", 12.5),
            ("nobody", "prod_0002", "dev_0003", 1.0),
            ("user_0001", "nothing", "unknown", 2.0),
            ("nobody", "nothing", "unknown", 3.0),
            ("user_0001", "prod_0002", "dev_0003", 99.0),
        ]
    )
]


@asynccontextmanager
async def _closing(store: FeatureStore) -> AsyncIterator[FeatureStore]:
    """Feast's own Redis store leaves its connections open."""
    try:
        yield store
    finally:
        await store.close()
        if store.config.online_store.type == STOCK_STORE:
            await store.provider.online_store._client_async.aclose()


def _reader(store: FeatureStore, services: Sequence[str]) -> WithOnDemand:
    plan = plan_services(store, services)
    return WithOnDemand(FeastReader(store, plan, 30, Metrics()), plan.on_demand)


async def _read(store: FeatureStore, services: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Any:
    async with _closing(store):
        return (await _reader(store, services).read(rows)).columns


async def _from_feast(store: FeatureStore, service: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    answer = await store.get_online_features_async(store.get_feature_service(service), entity_rows=list(rows))
    return answer.to_dict()


@pytest.mark.parametrize("yaml_file", ["feature_store.yaml", STOCK_YAML])
def test_one_read_for_both_services_is_what_feast_reads_for_each(shop: ServingShop, yaml_file: str) -> None:
    """Value for value, on-demand views included, for the known and the unknown, with our store and with Feast's."""
    store = shop.store(yaml_file)

    async def both() -> None:
        services = ["fraud_v1", "recommendation_v1"]
        async with _closing(store):
            columns = (await _reader(store, services).read(ROWS)).columns
            answers = [await _from_feast(store, service, ROWS) for service in services]
        for expected in answers:
            assert {name: columns[name] for name in expected if name not in ROWS[0]} == {
                name: values for name, values in expected.items() if name not in ROWS[0]
            }

    asyncio.run(both())


def _views(shop: ServingShop, yaml_file: str) -> Mapping[str, ViewRows]:
    async def read() -> Any:
        async with _closing(shop.store(yaml_file)) as store:
            return await _reader(store, ["fraud_v1"]).read(ROWS[:2])

    views: Mapping[str, ViewRows] = asyncio.run(read()).views
    return views


@pytest.mark.parametrize("yaml_file", ["feature_store.yaml", STOCK_YAML])
def test_every_view_tells_its_status_and_the_time_of_its_row(shop: ServingShop, yaml_file: str) -> None:
    """Of our store and of Feast's; a newcomer has no row."""
    views = _views(shop, yaml_file)
    assert set(views) >= {"user_orders", "device_orders", "product_catalogue", "product_chargebacks"}
    known, newcomer = views["user_profile"].timestamps_us
    assert (views["user_profile"].statuses[0], newcomer) == ("PRESENT", None)
    assert known is not None
    assert abs(known / 1_000_000 - NOW.timestamp()) < 1
    assert {rung for view in views.values() for rung in view.rungs} == {"live"}


def test_a_batch_view_does_not_find_a_newcomer_and_a_window_of_theirs_is_empty(shop: ServingShop) -> None:
    """NOT_FOUND and PRESENT."""
    views = _views(shop, "feature_store.yaml")
    assert [views[name].statuses[1] for name in ("user_profile", "user_orders")] == ["NOT_FOUND", "PRESENT"]


def test_an_entity_never_seen_has_empty_windows(shop: ServingShop) -> None:
    """Counts are 0, means null, tables null."""
    columns = asyncio.run(_read(shop.store(), ["fraud_v1"], ROWS))
    assert columns["user_orders_count_1h"][1] == 0
    assert columns["user_amount_mean_30d"][1] is None
    assert columns["product_list_price"][2] is None


def test_a_few_features_are_read_by_name(shop: ServingShop) -> None:
    """Only their join keys are needed."""

    async def read() -> Any:
        async with _closing(shop.store()) as store:
            plan = plan_features(store, ["user_views:user_product_id_last_1d"])
            return await FeastReader(store, plan, 30, Metrics()).read([{"user_id": "user_0007"}])

    assert asyncio.run(read()).columns["user_product_id_last_1d"] == ["prod_0007"]


def test_a_store_that_hangs_is_unavailable_after_the_timeout(
    shop: ServingShop, own_redis: RunningRedis, tmp_path: Path
) -> None:
    """Redis is paused, not gone: the read ends all the same."""
    (tmp_path / "paused.yaml").write_text(
        yaml.safe_dump(
            configuration("serving_shop", "ingestion.stores.online.RedisOnlineStore", own_redis.address)
            | {"registry": {"path": str(shop.repo / "registry.db")}}
        )
    )
    store = shop.store(str(tmp_path / "paused.yaml"))
    with own_redis.client() as client:
        client.client_pause(timeout=3000)

    async def read() -> None:
        async with _closing(store):
            await FeastReader(store, plan_services(store, ["fraud_v1"]), 0.2, Metrics()).read(ROWS)

    with pytest.raises(FeaturesUnavailableError, match=r"longer than 0\.2\d* s"):
        asyncio.run(read())


def test_a_new_definition_is_noticed_and_an_unchanged_registry_is_not(
    redis_server: RunningRedis, tmp_path: Path
) -> None:
    """The misfit names the service.

    registry held          same applied again          a window changes
    ─────┬───────────────────────┬──────────────────────────┬─────────
      no misfit              no misfit                   misfit
    """
    (tmp_path / "feature_store.yaml").write_text(
        yaml.safe_dump(
            configuration("refreshed", "ingestion.stores.online.RedisOnlineStore", redis_server.address)
        )
    )
    writer = FeatureStore(repo_path=str(tmp_path))
    apply(writer)
    card = card_of(writer, "fraud")
    held = open_store(tmp_path)
    replaced = asyncio.Queue[None]()

    async def story() -> None:
        changed = lambda: replaced.put(None)  # noqa: E731
        task = asyncio.create_task(refresh_forever(held, 0.02, lambda _: None, changed))
        assert check_definitions(held, [card]) == {}
        apply(writer)
        await asyncio.wait_for(replaced.get(), 10)
        assert check_definitions(held, [card]) == {}
        view = writer.get_stream_feature_view("user_chargebacks")
        view.aggregations[0].slide_interval = timedelta(hours=12)
        writer.apply(view)
        await asyncio.wait_for(replaced.get(), 10)
        assert "'fraud_v1' changed" in check_definitions(held, [card])["fraud"]
        task.cancel()

    asyncio.run(story())


def test_a_registry_that_lacks_what_is_read_is_not_used(
    tmp_path: Path, redis_server: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that a killed `feast apply` left empty, and one without a feature that a model reads; the next whole one is."""
    (tmp_path / "feature_store.yaml").write_text(
        yaml.safe_dump(
            configuration("torn", "ingestion.stores.online.RedisOnlineStore", redis_server.address)
        )
    )
    writer = FeatureStore(repo_path=str(tmp_path))
    apply(writer)
    held = open_store(tmp_path)
    registry = Path(held.config.registry.path)
    registry = registry if registry.is_absolute() else tmp_path / registry
    whole = registry.read_bytes()
    reading = Reading(
        held, timeout_seconds=1.0, remembered_max=10, freshness=Freshness(60.0), metrics=Metrics()
    )
    readers = reading.readers([card_of(writer, "fraud")], [])
    replaced = asyncio.Queue[None]()

    def told(what: str) -> Awaitable[None]:
        return asyncio.to_thread(wait_until, lambda: what in caplog.text, what)

    async def story() -> None:
        task = asyncio.create_task(refresh_forever(held, 0.02, reading.check, lambda: replaced.put(None)))
        registry.write_bytes(b"")
        await told("FeatureViewNotFoundException")
        await readers.last_viewed.read([{"user_id": "somebody"}])
        registry.write_bytes(whole)
        name, _, gone = LAST_VIEWED.partition(":")
        view = writer.get_stream_feature_view(name)
        view.features = [field for field in view.features if field.name != gone]
        view.aggregations = [one for one in view.aggregations if one.resolved_name(None) != gone]
        writer.apply(view)
        await told(f"has no ['{gone}'] any more")
        assert replaced.empty()
        apply(writer)
        await asyncio.wait_for(replaced.get(), 30)
        task.cancel()
        await held.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("changes", "is_used"),
    [
        ({"registry_store_type": WHOLE_FILE}, True),
        ({"serve_features_while_materializing": True}, True),
        ({}, False),
    ],
)
def test_features_are_read_while_views_are_materialized(
    tmp_path: Path,
    redis_server: RunningRedis,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, Any],
    is_used: bool,
) -> None:
    """Feast marks such a view and, unless it is told otherwise, would not read it: then the registry of before stays in use."""
    said = configuration("marked", "ingestion.stores.online.RedisOnlineStore", redis_server.address)
    said["registry"] |= changes
    (tmp_path / "feature_store.yaml").write_text(yaml.safe_dump(said))
    writer = FeatureStore(repo_path=str(tmp_path))
    apply(writer)
    view = writer.get_stream_feature_view(LAST_VIEWED.partition(":")[0])
    writer.registry.apply_materialization(view, writer.project, NOW - timedelta(hours=1), NOW)
    held = open_store(tmp_path)
    reading = Reading(
        held, timeout_seconds=1.0, remembered_max=10, freshness=Freshness(60.0), metrics=Metrics()
    )
    readers = reading.readers([card_of(writer, "fraud")], [])
    replaced = asyncio.Queue[None]()

    def mark(state: FeatureViewState) -> None:
        registered = writer.get_stream_feature_view(view.name)
        registered.state = state
        writer.registry.apply_feature_view(registered, writer.project)

    async def story() -> None:
        task = asyncio.create_task(refresh_forever(held, 0.02, reading.check, lambda: replaced.put(None)))
        mark(FeatureViewState.MATERIALIZING)
        if is_used:
            await asyncio.wait_for(replaced.get(), 30)
        else:
            await asyncio.to_thread(wait_until, lambda: "its state MATERIALIZING" in caplog.text, "the state")
        await readers.last_viewed.read([{"user_id": "somebody"}])
        mark(FeatureViewState.GENERATED)
        await asyncio.to_thread(wait_until, lambda: "its state GENERATED" in caplog.text, "the state")
        await readers.last_viewed.read([{"user_id": "somebody"}])
        mark(FeatureViewState.AVAILABLE_ONLINE)
        await asyncio.wait_for(replaced.get(), 30)
        await readers.last_viewed.read([{"user_id": "somebody"}])
        task.cancel()
        await held.close()

    asyncio.run(story())
