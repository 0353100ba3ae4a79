"""What is read of entities that are there, too old, incomplete, or never seen."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from feast import FeatureService, FeatureStore
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from ingestion.stores.push import push_rows
from ingestion.stores.reader import FeatureRows, OnlineReader
from ingestion.stores.redis_online.cells import MANY
from tests.integration.ingestion.stores import online_repo
from tests.services import RunningRedis

PRESENT, NULL_VALUE = FieldStatus.PRESENT, FieldStatus.NULL_VALUE
NOT_FOUND, OUTSIDE_MAX_AGE = FieldStatus.NOT_FOUND, FieldStatus.OUTSIDE_MAX_AGE

NOW = datetime.now(UTC)
SERVICE = "everything"


@pytest.fixture
def store(tmp_path: Path, redis_server: RunningRedis) -> Iterator[FeatureStore]:
    made = online_repo.ours(tmp_path, redis_server.address, f"read_{tmp_path.name}")
    yield made
    asyncio.run(made.close())


def profile(users: Sequence[str], ages: Sequence[int | None], at: datetime) -> pl.DataFrame:
    return pl.DataFrame(
        {"user_id": users, "age": ages, "city": ["Paris"] * len(users), "event_timestamp": [at] * len(users)},
        schema_overrides={"age": pl.Int64},
    )


def visits(user: str, shop: int, count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [user],
            "shop_id": [shop],
            "visits_1h": [count],
            "spent_1h": [2.5],
            "goods_1h": [1],
            "spent_mean_1h": [1.25],
            "last_good_1h": ["apple"],
            "event_timestamp": [NOW],
        }
    )


def statuses(response: OnlineResponse) -> dict[str, list[int]]:
    names = response.proto.metadata.feature_names.val
    return {name: list(vector.statuses) for name, vector in zip(names, response.proto.results, strict=True)}


def ask(store: FeatureStore, rows: list[Mapping[str, Any]], **more: Any) -> OnlineResponse:
    return store.get_online_features(store.get_feature_service(SERVICE), rows, **more)


def test_trap_4_an_unknown_entity_of_a_plain_view_is_not_found(store: FeatureStore) -> None:
    """Stock Feast says PRESENT and null; here it is NOT_FOUND and null."""
    push_rows(store, "profile", profile(["ada"], [36], NOW))
    response = ask(store, [{"user_id": "ada", "shop_id": 1}, {"user_id": "bob", "shop_id": 1}])
    assert response.to_dict()["age"] == [36, None]
    assert statuses(response)["age"] == [PRESENT, NOT_FOUND]


def test_trap_4_a_row_older_than_the_ttl_is_outside_the_maximum_age(store: FeatureStore) -> None:
    """The view's ttl of a day is applied when it is read: null, its age still told."""
    old = NOW - timedelta(days=1, seconds=1)
    push_rows(store, "profile", profile(["old", "young"], [80, 20], old))
    push_rows(store, "profile", profile(["young"], [20], NOW - timedelta(hours=23)))
    response = ask(store, [{"user_id": "old", "shop_id": 1}, {"user_id": "young", "shop_id": 1}])
    assert response.to_dict()["age"] == [None, 20]
    assert statuses(response)["age"] == [OUTSIDE_MAX_AGE, PRESENT]
    assert response.to_dict(include_event_timestamps=True)["age__ts"][0] == int(old.timestamp())


def test_a_stored_null_is_a_null_value(store: FeatureStore) -> None:
    """The row is there, the value is not."""
    push_rows(store, "profile", profile(["ada"], [None], NOW))
    response = ask(store, [{"user_id": "ada", "shop_id": 1}])
    assert (statuses(response)["age"], statuses(response)["city"]) == ([NULL_VALUE], [PRESENT])


def test_trap_4_an_unseen_entity_of_a_windowed_view_is_the_empty_window(store: FeatureStore) -> None:
    """Counts and sums are 0 of their own type, the other functions null; nothing is missing."""
    response = ask(store, [{"user_id": "nobody", "shop_id": 7}])
    values = response.to_dict()
    assert (values["visits_1h"], values["goods_1h"], values["spent_1h"]) == ([0], [0], [0.0])
    assert isinstance(values["spent_1h"][0], float)
    assert (values["spent_mean_1h"], values["last_good_1h"]) == ([None], [None])
    told = statuses(response)
    assert (told["visits_1h"], told["spent_1h"], told["spent_mean_1h"]) == (
        [PRESENT],
        [PRESENT],
        [NULL_VALUE],
    )


def test_an_entity_of_another_view_is_not_taken_for_this_views(store: FeatureStore) -> None:
    """Two views of one entity share a hash; the one without rows is NOT_FOUND."""
    push_rows(store, "profile", profile(["ada"], [36], NOW))
    response = store.get_online_features(["every_type:t_int64", "profile:age"], [{"user_id": "ada"}])
    assert statuses(response)["t_int64"] == [NOT_FOUND]
    assert statuses(response)["age"] == [PRESENT]


def test_sync_and_async_reads_are_equal(store: FeatureStore) -> None:
    """The same response, in one event loop after the other."""
    push_rows(store, "visits", visits("ada", 1, 5))
    rows = [{"user_id": "ada", "shop_id": 1}, {"user_id": "bob", "shop_id": 2}]
    service = store.get_feature_service(SERVICE)

    async def read() -> OnlineResponse:
        response = await store.get_online_features_async(service, rows)
        await store.close()
        return response

    expected = ask(store, rows).proto
    assert asyncio.run(read()).proto == expected
    assert asyncio.run(read()).proto == expected


def test_on_demand_views_stand_on_what_is_read(store: FeatureStore) -> None:
    """They see stored values, and the empty window of an entity never seen; the direct reader leaves them out."""
    push_rows(store, "visits", visits("ada", 1, 5))
    rows = [{"user_id": "ada", "shop_id": 1, "price": 5.0}, {"user_id": "new", "shop_id": 1, "price": 5.0}]
    response = store.get_online_features(store.get_feature_service("compared"), rows)
    assert response.to_dict()["price_to_spent"] == [2.0, None]
    assert OnlineReader(store, "compared").names == ("age",)


def test_a_missing_join_key_is_named(store: FeatureStore) -> None:
    """Stock Feast reads a key that cannot exist and calls it null; here it is an error."""
    with pytest.raises(KeyError, match="shop_id"):
        ask(store, [{"user_id": "ada"}])


def test_a_null_join_key_is_named(store: FeatureStore) -> None:
    """A row without its entity cannot be looked up."""
    with pytest.raises(ValueError, match="'user_id' is null"):
        store.get_online_features(["profile:age"], [{"user_id": "ada"}, {"user_id": None}])


@pytest.mark.parametrize("requested", [None, ["city"]])
def test_online_read_is_told_what_to_read(store: FeatureStore, requested: list[str] | None) -> None:
    """The store's own interface: timestamp and values of each entity, (None, None) for an unknown one."""
    push_rows(store, "profile", profile(["ada"], [36], NOW))
    view, online = store.get_feature_view("profile"), store.provider.online_store
    keys = [
        EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=name)]) for name in ("ada", "bob")
    ]
    found, missing = online.online_read(store.config, view, keys, requested)
    assert found[0] == NOW
    assert {name: value.WhichOneof("val") for name, value in found[1].items()} == (
        {"city": "string_val"} if requested else {"age": "int64_val", "city": "string_val"}
    )
    assert missing == (None, None)

    async def read() -> Any:
        rows = await online.online_read_async(store.config, view, keys, requested)
        await store.close()
        return rows

    assert asyncio.run(read()) == [found, missing]


ReadRows = Callable[[FeatureStore, list[Mapping[str, Any]]], FeatureRows]


def read_async(store: FeatureStore, rows: list[Mapping[str, Any]]) -> FeatureRows:
    async def read() -> FeatureRows:
        read_rows: Awaitable[FeatureRows] = OnlineReader(store, SERVICE).read(rows)
        try:
            return await read_rows
        finally:
            await store.close()

    return asyncio.run(read())


def read_now(store: FeatureStore, rows: list[Mapping[str, Any]]) -> FeatureRows:
    return OnlineReader(store, SERVICE).read_now(rows)


@pytest.mark.parametrize("read", [read_async, read_now])
def test_the_direct_reader_gives_the_values_of_get_online_features(
    store: FeatureStore, read: ReadRows
) -> None:
    """In the service's order, with the timestamp and status of each view."""
    push_rows(store, "visits", visits("ada", 1, 300))
    push_rows(store, "profile", profile(["ada"], [36], NOW))
    push_rows(store, "profile", profile(["old"], [80], NOW - timedelta(days=2)))
    rows = [
        {"user_id": "ada", "shop_id": 1},
        {"user_id": "old", "shop_id": 1},
        {"user_id": "new", "shop_id": 9},
    ]
    given = read(store, rows)
    expected = ask(store, rows).to_dict()
    assert set(given.names) == set(expected) - {"user_id", "shop_id"}
    assert given.names[-2:] == ("city", "age")
    assert given.values.tolist() == [[expected[name][i] for name in given.names] for i in range(3)]
    assert given.views == ("visits", "profile")
    assert given.statuses.tolist() == [[PRESENT, PRESENT], [PRESENT, OUTSIDE_MAX_AGE], [PRESENT, NOT_FOUND]]
    assert given.timestamps[0] == pytest.approx([NOW.timestamp()] * 2, abs=1e-6)
    assert np.isnan(given.timestamps[2]).all()


def test_the_direct_reader_names_a_missing_join_key(store: FeatureStore) -> None:
    """A KeyError, as a dictionary gives it."""
    with pytest.raises(KeyError, match="shop_id"):
        read_now(store, [{"user_id": "ada"}])
    with pytest.raises(ValueError, match="'user_id' is null"):
        read_now(store, [{"user_id": None, "shop_id": 1}])


def test_the_direct_reader_needs_our_store(tmp_path: Path, redis_server: RunningRedis) -> None:
    """The error names the setting."""
    stock = online_repo.stock(tmp_path / "stock", redis_server.address, "stock")
    with pytest.raises(
        TypeError, match=r"set online_store\.type to ingestion\.stores\.online\.RedisOnlineStore"
    ):
        OnlineReader(stock, SERVICE)


@pytest.mark.parametrize("rows", [1, 3, MANY + 1])
def test_the_direct_reader_gives_lists_as_one_value_each(store: FeatureStore, rows: int) -> None:
    """However many rows are asked for: few are read one by one, many by columns."""
    store.apply([FeatureService(name="types", features=[online_repo.every_type])])
    nothing = pl.DataFrame({"user_id": ["ada"], "event_timestamp": [NOW]}).with_columns(
        pl.lit(None).alias(name) for name in online_repo.EVERY_TYPE
    )
    lists = {"t_int64s": [[1, 2, 3]], "t_strings": [["a", "b"]], "t_bools": [[True, False]]}
    push_rows(store, "every_type", nothing.with_columns(pl.Series(n, v) for n, v in lists.items()))
    asked = [{"user_id": "nobody" if row == 2 else "ada"} for row in range(rows)]
    given = OnlineReader(store, "types").read_now(asked)
    expected = store.get_online_features(store.get_feature_service("types"), asked).to_dict()
    assert given.values.tolist() == [[expected[name][row] for name in given.names] for row in range(rows)]
    assert given.values[0, given.names.index("t_int64s")] == [1, 2, 3]
