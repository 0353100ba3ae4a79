"""What get_online_features gives through our store is what it gives through stock Feast's, for every way to ask."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from feast import FeatureStore
from feast.errors import (
    FeatureNameCollisionError,
    FeatureViewNotFoundException,
    RequestDataNotFoundInEntityRowsException,
)
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.Value_pb2 import RepeatedValue, Value

from ingestion.stores.push import push_rows
from tests.integration.ingestion.stores import online_repo
from tests.services import RunningRedis

NOW = datetime.now(UTC).replace(microsecond=250_000)
USERS = [f"user {n}" for n in range(40)]

Read = Callable[..., OnlineResponse]
Stores = tuple[FeatureStore, FeatureStore]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, redis_server: RunningRedis) -> Iterator[Stores]:
    """Our store and stock Feast's on one project, all views filled for all users and shops 0 and 1."""
    folder: Path = tmp_path_factory.mktemp("responses")
    ours = online_repo.ours(folder / "ours", redis_server.address, "responses")
    stock = online_repo.stock(folder / "stock", redis_server.address, "responses")
    _fill(ours)
    yield ours, stock
    asyncio.run(ours.close())
    online_repo.close_stock(stock)


def _fill(store: FeatureStore) -> None:
    ages = [None if n % 7 == 3 else n * 1000 - 5 for n in range(len(USERS))]
    at = pl.Series([NOW - timedelta(seconds=n, microseconds=n) for n in range(len(USERS))])
    cities = [None if n % 5 == 1 else "Köln" * n for n in range(len(USERS))]
    user = pl.DataFrame({"user_id": USERS, "event_timestamp": at})
    push_rows(store, "profile", user.with_columns(age=pl.Series(ages), city=pl.Series(cities)))
    for shop in (0, 1):
        numbers = pl.int_range(len(USERS))
        push_rows(
            store,
            "visits",
            user.with_columns(
                shop_id=pl.lit(shop, pl.Int64),
                visits_1h=numbers - 20,
                spent_1h=numbers / 3,
                goods_1h=numbers * 2**40,
                spent_mean_1h=pl.when(numbers % 3 != 0).then(numbers * 0.1),
                last_good_1h=pl.lit("good"),
            ),
        )
    everything = pd.DataFrame({"user_id": USERS, "event_timestamp": at.to_list(), **_every_type()})
    store.write_to_online_store("every_type", everything)
    totals = pd.DataFrame({"users": [40], "slogan": ["come in"], "event_timestamp": [NOW]})
    store.write_to_online_store("totals", totals)


def _every_type() -> dict[str, list[Any]]:
    rows = range(len(USERS))
    return {
        "t_int32": [n - 20 for n in rows],
        "t_int64": [-n * 2**40 for n in rows],
        "t_float32": [n / 4 for n in rows],
        "t_float64": [n / 3 for n in rows],
        "t_bool": [n % 2 == 0 for n in rows],
        "t_string": [chr(97 + n % 26) * n * 9 for n in rows],
        "t_bytes": [bytes(range(n)) for n in rows],
        "t_time": [pd.Timestamp(n * 10**9, unit="s", tz="UTC") for n in rows],
        "t_int64s": [[n, n + 1] for n in rows],
        "t_strings": [["a"] * (n + 1) for n in rows],
        "t_doubles": [[n / 2] for n in rows],
        "t_bools": [[True, n % 2 == 0] for n in rows],
        "t_set": [{"one", str(n)} for n in rows],
        "t_map": [{"k": str(n)} for n in rows],
    }


def _sync(store: FeatureStore) -> Read:
    return store.get_online_features


def _async(store: FeatureStore) -> Read:
    def read(**asked: Any) -> OnlineResponse:
        async def once() -> OnlineResponse:
            response = await store.get_online_features_async(**asked)
            await store.close()
            online = store.provider.online_store
            if getattr(online, "_client_async", None) is not None:
                await online._client_async.aclose()
                online._client_async = None
            return response

        return asyncio.run(once())

    return read


def users_and_shops(count: int) -> list[dict[str, Any]]:
    return [{"user_id": USERS[n * 3 % 40], "shop_id": n % 2} for n in range(count)]


def users(count: int) -> list[dict[str, Any]]:
    return [{"user_id": USERS[n]} for n in range(count)]


ASKED: dict[str, dict[str, Any]] = {
    "references": {
        "features": ["visits:visits_1h", "profile:city", "visits:last_good_1h", "profile:age"],
        "entity_rows": users_and_shops(3),
    },
    "many rows": {
        "features": [
            *("visits:visits_1h", "visits:goods_1h", "visits:spent_1h", "visits:spent_mean_1h"),
            *("profile:city", "profile:age"),
        ],
        "entity_rows": users_and_shops(40),
    },
    "every type": {
        "features": [f"every_type:{name}" for name in online_repo.EVERY_TYPE],
        "entity_rows": users(2),
    },
    "every type of many rows": {
        "features": [f"every_type:{name}" for name in online_repo.EVERY_TYPE],
        "entity_rows": users(40),
    },
    "rows that repeat": {"features": ["profile:age"], "entity_rows": users(20) + users(20)},
    "full names": {
        "features": ["profile:age", "every_type:t_string"],
        "entity_rows": users(2),
        "full_feature_names": True,
    },
    "columns": {
        "features": ["visits:visits_1h"],
        "entity_rows": {"shop_id": [1, 0], "user_id": ["user 1", "user 2"]},
    },
    "columns of Feast values": {
        "features": ["visits:visits_1h"],
        "entity_rows": {
            "user_id": [Value(string_val="user 1"), Value(string_val="user 2")],
            "shop_id": [Value(int64_val=0), Value(int64_val=1)],
        },
    },
    "a repeated value": {
        "features": ["profile:age"],
        "entity_rows": {"user_id": RepeatedValue(val=[Value(string_val="user 1")])},
    },
    "columns that nobody needs": {
        "features": ["profile:age"],
        "entity_rows": [{"user_id": "user 1", "more": 1.5, "name": "x"}],
    },
    "a view without entity": {
        "features": ["totals:users", "totals:slogan", "profile:age"],
        "entity_rows": users(3),
    },
    "versions": {
        "features": ["profile:age", "visits:visits_1h"],
        "entity_rows": users_and_shops(2),
        "include_feature_view_version_metadata": True,
    },
    "an on-demand view and its request data": {
        "features": ["comparison:price_to_spent", "profile:age"],
        "entity_rows": [row | {"price": 5.0} for row in users_and_shops(4)],
    },
    "an on-demand view in pandas": {
        "features": ["next_year:age_next_year", "next_year:shouted"],
        "entity_rows": users(3),
        "full_feature_names": True,
    },
}


@pytest.mark.parametrize("how", [_sync, _async])
@pytest.mark.parametrize("name", ASKED)
def test_responses_are_those_of_stock_feast(
    stores: Stores, name: str, how: Callable[[FeatureStore], Read]
) -> None:
    """Values with their Python types, timestamps, statuses, order and metadata; asked for twice."""
    given, expected, again = (how(store)(**ASKED[name]) for store in (stores[0], stores[1], stores[0]))
    assert repr(given.to_dict()) == repr(expected.to_dict())
    assert given.to_dict(include_event_timestamps=True) == expected.to_dict(include_event_timestamps=True)
    assert _without_nulls(given) == _without_nulls(expected)
    assert again.to_dict() == given.to_dict()
    assert given.proto.metadata == expected.proto.metadata


def _without_nulls(response: OnlineResponse) -> Any:
    """The protobuf; where there is a null its status is left out: stock Feast calls a null PRESENT."""
    for vector in response.proto.results:
        for row, value in enumerate(vector.values):
            if value.WhichOneof("val") is None:
                vector.statuses[row] = 0
    return response.proto


@pytest.mark.parametrize("full_feature_names", [False, True])
@pytest.mark.parametrize("service", ["everything", "compared", "friends"])
def test_services_are_read_as_stock_feast_reads_them(
    stores: Stores, service: str, full_feature_names: bool
) -> None:
    """Projections, names and join keys that a service renames, on-demand views among them."""
    rows = [row | {"friend_id": "user 9", "price": 1.0} for row in users_and_shops(5)]
    needed = {"everything": (), "compared": ("price",), "friends": ("friend_id",)}[service]
    keys = ("user_id",) if service == "friends" else ("user_id", "shop_id")
    asked = [{name: row[name] for name in (*keys, *needed)} for row in rows]
    full = full_feature_names or service == "friends"
    given, expected = (
        store.get_online_features(store.get_feature_service(service), asked, full_feature_names=full)
        for store in stores
    )
    assert given.to_dict(include_event_timestamps=True) == expected.to_dict(include_event_timestamps=True)
    assert _without_nulls(given) == _without_nulls(expected)


def test_frames_and_tables_are_those_of_stock_feast(stores: Stores) -> None:
    """to_df and to_arrow, with event timestamps."""
    features = [f"every_type:{name}" for name in online_repo.EVERY_TYPE if name != "t_map"]
    given, expected = (store.get_online_features(features, users(20)) for store in stores)
    pd.testing.assert_frame_equal(given.to_df(True), expected.to_df(True))
    assert given.to_arrow().equals(expected.to_arrow())


def test_entities_that_are_not_there_have_the_values_of_stock_feast(stores: Stores) -> None:
    """Null, and a timestamp of zero; only the status differs, which is PRESENT in stock Feast."""
    rows = [{"user_id": "nobody"}, {"user_id": "user 1"}]
    given, expected = (store.get_online_features(["profile:age"], rows) for store in stores)
    assert given.to_dict(True) == expected.to_dict(True)


def test_views_tell_status_and_time_of_their_rows_without_the_protobuf(stores: Stores) -> None:
    """Those of the protobuf; a row that is not there has no time. Few rows and many take different ways."""
    for count in (2, 20):
        rows = [{"user_id": "nobody"}, *users(count)]
        response: Any = stores[0].get_online_features(["profile:age", "profile:city"], rows)
        ((statuses, microseconds),) = response.rows_of_views().values()
        assert "proto" not in vars(response)
        by_name = dict(zip(response.proto.metadata.feature_names.val, response.proto.results, strict=True))
        # A null is told of a value; its row is there.
        there = {FieldStatus.NULL_VALUE: FieldStatus.PRESENT}
        assert statuses == [there.get(status, status) for status in by_name["age"].statuses]
        times = [at.ToMicroseconds() or None for at in by_name["age"].event_timestamps]
        assert microseconds == times
        assert microseconds[0] is None


def test_a_changed_answer_changes_no_other(stores: Stores) -> None:
    """Lists that a caller changes are its own."""
    response = stores[0].get_online_features(["profile:age"], users(2))
    expected = response.to_dict()
    response.to_dict()["age"].clear()
    response.to_dict()["user_id"].clear()
    assert response.to_dict() == expected


REFUSED: dict[str, tuple[type[Exception], list[str], Any]] = {
    "no such view": (FeatureViewNotFoundException, ["nowhere:age"], users(1)),
    "no such feature": (KeyError, ["profile:height"], users(1)),
    "one name twice": (FeatureNameCollisionError, ["profile:age", "profile:age"], users(1)),
    "no features": (ValueError, [], users(1)),
    "rows of different keys": (ValueError, ["profile:age"], [{"user_id": "a"}, {"user_id": "b", "x": 1}]),
    "rows that lack a key": (ValueError, ["profile:age"], [{"user_id": "a", "x": 1}, {"user_id": "b"}]),
    "columns of different lengths": (ValueError, ["profile:age"], {"user_id": ["a"], "x": [1, 2]}),
    "no rows": (IndexError, ["profile:age"], []),
    "no join key": (KeyError, ["profile:age"], [{"shop_id": 1}]),
    "no values of a join key": (KeyError, ["profile:age"], {"user_id": []}),
    "no request data": (
        RequestDataNotFoundInEntityRowsException,
        ["comparison:price_to_spent"],
        users_and_shops(1),
    ),
    "text for a number": (
        (AssertionError, TypeError, ValueError),  # type: ignore[dict-item]
        ["visits:visits_1h"],
        [{"user_id": "a", "shop_id": "one"}],
    ),
    "a number beyond 64 bits": (
        (OverflowError, ValueError),  # type: ignore[dict-item]
        ["visits:visits_1h"],
        [{"user_id": "a", "shop_id": 2**63}],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_stock_feast_refuses_is_refused_alike(stores: Stores, name: str) -> None:
    """The same class of error, from both."""
    kind, features, rows = REFUSED[name]
    classes = []
    for store in stores:
        with pytest.raises(kind) as caught:
            store.get_online_features(features, rows)
        classes.append(caught.type)
    assert classes[0] is classes[1]


def test_a_changed_definition_is_seen_after_a_refresh(tmp_path: Path, redis_server: RunningRedis) -> None:
    """Plans are kept for one state of the registry."""
    store = online_repo.ours(tmp_path, redis_server.address, f"refresh_{tmp_path.name}")
    old: Mapping[str, Any] = {"user_id": ["ada"], "event_timestamp": [NOW - timedelta(hours=2)]}
    push_rows(store, "profile", pl.DataFrame({**old, "age": [36], "city": ["Paris"]}))
    assert store.get_online_features(["profile:age"], [{"user_id": "ada"}]).to_dict()["age"] == [36]
    view = store.get_feature_view("profile")
    view.ttl = timedelta(hours=1)
    store.apply([view])
    store.refresh_registry()
    assert store.get_online_features(["profile:age"], [{"user_id": "ada"}]).to_dict()["age"] == [None]
    asyncio.run(store.close())
