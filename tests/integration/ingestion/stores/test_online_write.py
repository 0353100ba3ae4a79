"""The newest row wins, decided in Redis."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore
from feast.data_source import PushMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.services.ports import LOOPBACK, free_port
from ingestion.stores.online import SLICE_ROWS
from ingestion.stores.push import push_rows
from ingestion.stores.redis_online.timestamps import Instants, decode
from ingestion.stores.redis_online.write import WriteCounts
from tests.integration.ingestion.stores import online_repo
from tests.integration.ingestion.stores.redis_groups import server
from tests.services import RunningRedis

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def store(tmp_path: Path, redis_server: RunningRedis) -> Iterator[FeatureStore]:
    made = online_repo.ours(tmp_path, redis_server.address, f"write_{tmp_path.name}")
    yield made
    asyncio.run(made.close())


def profile(age: int, at: datetime, user: str = "ada") -> pl.DataFrame:
    frame = {"user_id": [user], "age": [age], "city": ["Paris"], "event_timestamp": [at]}
    return pl.DataFrame(frame, schema_overrides={"event_timestamp": pl.Datetime("us", "UTC")})


def every_type(at: datetime) -> pl.DataFrame:
    """A row of nulls."""
    frame = pl.DataFrame({"user_id": ["ada"], "event_timestamp": [at]})
    return frame.with_columns(pl.lit(None).alias(name) for name in online_repo.EVERY_TYPE)


def stored_age(store: FeatureStore, user: str = "ada") -> int | None:
    view = store.get_feature_view("profile")
    view.ttl = timedelta(0)
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    key = EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=user)])
    ((_, values),) = store.provider.online_store.online_read(store.config, view, [key], ["age"])
    return values["age"].int64_val if values else None


@pytest.mark.parametrize("push", ["stock push", "push_rows"])
def test_trap_5_an_equal_timestamp_wins(store: FeatureStore, push: str) -> None:
    """A second row of the very same instant replaces the first."""

    #  11:59:59.999999   12:00:00   12:00:00   12:00:00.000001
    #  age 30 (refused)  age 31     age 32     age 33
    def write(frame: pl.DataFrame) -> None:
        if push == "push_rows":
            push_rows(store, "profile", frame)
        else:
            store.write_to_online_store("profile", frame.to_pandas())

    for age, at, expected in [
        (31, NOON, 31),
        (32, NOON, 32),
        (30, NOON - MICROSECOND, 32),
        (33, NOON + MICROSECOND, 33),
    ]:
        write(profile(age, at))
        assert stored_age(store) == expected
    assert store.provider.online_store.counts["profile"] == WriteCounts(written=3, refused=1)


def test_rows_of_one_batch_are_compared_with_each_other(store: FeatureStore) -> None:
    """Of rows of one entity in one frame the newest stays, and of equals the last."""
    frame = pl.concat(
        [profile(1, NOON), profile(2, NOON + MICROSECOND), profile(3, NOON), profile(4, NOON + MICROSECOND)]
    )
    assert push_rows(store, "profile", frame) == WriteCounts(written=3, refused=1)
    assert stored_age(store) == 4


def test_trap_5_writers_side_by_side_keep_the_newest(store: FeatureStore) -> None:
    """Four writers of shuffled rows: whatever their order, the newest of every entity is stored in the end."""
    users, rows = 20, 400
    age = pl.int_range(rows, eager=True)
    frame = pl.DataFrame(
        {"user_id": (age % users).cast(pl.String), "age": age, "city": [""] * rows}
    ).with_columns(event_timestamp=NOON + pl.col("age") * pl.duration(microseconds=1))
    shuffled = [frame.sample(fraction=1.0, shuffle=True, seed=seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda part: push_rows(store, "profile", part), shuffled))
    assert sum(count.written + count.refused for count in counts) == 4 * rows
    assert [stored_age(store, str(user)) for user in range(users)] == list(range(rows - users, rows))


def test_many_rows_are_all_written(store: FeatureStore) -> None:
    """More rows than fit into one round trip, with progress told as they are done."""
    rows, done = 2 * SLICE_ROWS + 1, []
    ages = pl.int_range(rows, eager=True)
    frame = (
        profile(1, NOON)
        .select(pl.all().repeat_by(rows).explode())
        .with_columns(age=ages, user_id=pl.format("user {}", ages))
    )
    view = store.get_feature_view("profile")
    counts = store.provider.online_store.write_columns(store.config, view, frame, done.append)
    assert counts == WriteCounts(written=rows)
    assert sum(done) == rows
    assert len(done) > 1


def test_nothing_is_written_of_no_rows(store: FeatureStore) -> None:
    """An empty frame is no error."""
    assert push_rows(store, "profile", profile(1, NOON).clear()) == WriteCounts()


def test_a_restarted_server_learns_the_script_again(tmp_path: Path, own_redis: RunningRedis) -> None:
    """Redis forgets its scripts when it restarts; the next write goes through all the same."""
    store = online_repo.ours(tmp_path, own_redis.address, "restarted")
    push_rows(store, "profile", profile(1, NOON))
    own_redis.kill()
    own_redis.restart()
    assert push_rows(store, "profile", profile(2, NOON)) == WriteCounts(written=1)
    assert stored_age(store) == 2
    asyncio.run(store.close())


def test_async_writes_do_the_same(store: FeatureStore) -> None:
    """push_async goes through the same rule."""

    async def push() -> None:
        frame = pl.DataFrame(
            {
                "user_id": ["ada"], "shop_id": [1], "visits_1h": [5], "spent_1h": [1.0], "goods_1h": [1],
                "spent_mean_1h": [1.0], "last_good_1h": ["x"], "event_timestamp": [NOON],
            }
        ).to_pandas()  # fmt: skip
        await store.push_async("visits_push", frame, to=PushMode.ONLINE)
        await store.push_async("visits_push", frame.assign(visits_1h=6), to=PushMode.ONLINE)

    asyncio.run(push())
    asked = store.get_online_features(["visits:visits_1h"], [{"user_id": "ada", "shop_id": 1}])
    assert asked.to_dict()["visits_1h"] == [6]


def field_ttls(server: RunningRedis, project: str) -> dict[bytes, int]:
    """Seconds that each hash field of a project's only entity has left; -1 for ever."""
    with server.client() as client:
        (key,) = client.scan_iter(f"*{project}")
        fields = client.hkeys(key)
        assert client.ttl(key) in (-1, max(client.httl(key, *fields)))
        return dict(zip(fields, client.httl(key, *fields), strict=True))


def test_key_ttl_seconds_expires_one_view(tmp_path: Path, redis_server: RunningRedis) -> None:
    """Trap 4: stock Feast expires the whole entity with all its views; here a view's fields expire alone."""
    project = f"ttl_{tmp_path.name}"
    forever = online_repo.ours(tmp_path / "forever", redis_server.address, project)
    store = online_repo.ours(tmp_path / "ttl", redis_server.address, project, "  key_ttl_seconds: 1000\n")
    push_rows(forever, "every_type", every_type(NOON))
    push_rows(store, "profile", profile(1, NOON))
    left = field_ttls(redis_server, project)
    assert sorted(left.values()) == [-1] * (len(left) - 3) + [pytest.approx(1000, abs=10)] * 3
    assert left[b"_ts:profile"] > 0
    assert left[b"_ts:every_type"] == -1
    push_rows(forever, "profile", profile(2, NOON))
    assert set(field_ttls(redis_server, project).values()) == {-1}
    for made in (forever, store):
        asyncio.run(made.close())


def test_outdated_rows_expire(tmp_path: Path, redis_server: RunningRedis) -> None:
    """With expire_outdated Redis drops a row when its view's ttl of a day is over; a row of yesterday at once."""
    store = online_repo.ours(
        tmp_path, redis_server.address, f"old_{tmp_path.name}", "  expire_outdated: true\n"
    )
    now = datetime.now(UTC)
    push_rows(store, "profile", profile(1, now - timedelta(hours=23)))
    assert list(field_ttls(redis_server, store.project).values()) == [pytest.approx(3600, abs=30)] * 3
    push_rows(store, "profile", profile(2, now - timedelta(hours=25), user="bob"))
    with redis_server.client() as client:
        assert len(list(client.scan_iter(f"*{store.project}"))) == 1
    asyncio.run(store.close())


def test_a_server_without_field_expiry_expires_the_entity(tmp_path: Path) -> None:
    """As in stock Feast: a server older than Redis 7.4 has no HPEXPIREAT."""
    port, more = free_port(), "  key_ttl_seconds: 1000\n  expire_outdated: true\n"
    with server(tmp_path / "server", port, "--save", "", "--rename-command", "HPEXPIREAT", "") as client:
        store = online_repo.ours(tmp_path / "repo", f"{LOOPBACK}:{port}", "before_7_4", more)
        push_rows(store, "profile", profile(1, NOON))
        (key,) = client.scan_iter(f"*{store.project}")
        assert 990 <= client.ttl(key) <= 1000
        asyncio.run(store.close())


@pytest.mark.parametrize(("equal_wins", "expected"), [(True, 2), (False, 1)])
def test_materialize_may_keep_a_row_of_the_same_instant(
    store: FeatureStore, equal_wins: bool, expected: int
) -> None:
    """What the stream wrote at that very instant may know a late event; a newer row replaces it in any case."""
    view, online = store.get_feature_view("profile"), store.provider.online_store
    push_rows(store, "profile", profile(1, NOON))
    counts = online.write_columns(store.config, view, profile(2, NOON), equal_wins=equal_wins)
    assert counts == WriteCounts(written=int(equal_wins), refused=int(not equal_wins))
    assert stored_age(store) == expected
    newer = profile(3, NOON + MICROSECOND)
    assert online.write_columns(store.config, view, newer, equal_wins=equal_wins) == WriteCounts(written=1)


def test_skip_dedup_writes_what_comes(tmp_path: Path, redis_server: RunningRedis) -> None:
    """Feast's setting for initial loads: no comparison, the last row written stays."""
    store = online_repo.ours(tmp_path, redis_server.address, f"skip_{tmp_path.name}", "  skip_dedup: true\n")
    push_rows(store, "profile", profile(2, NOON))
    assert push_rows(store, "profile", profile(1, NOON - MICROSECOND)) == WriteCounts(written=1)
    assert stored_age(store) == 1
    asyncio.run(store.close())


INSTANT = st.tuples(
    st.integers(-62_135_596_800, 253_402_300_799) | st.integers(-3, 3) | st.integers(2**31 - 3, 2**31 + 3),
    st.integers(0, 999_999_999) | st.integers(0, 3),
)


@given(first=INSTANT, second=INSTANT)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_instants_are_compared_to_the_nanosecond(
    redis_server: RunningRedis, first: tuple[int, int], second: tuple[int, int]
) -> None:
    """Inside Redis too, over all years that a Timestamp can hold: the later of two instants stays."""
    import numpy as np

    from ingestion.stores.redis_online.write import SCRIPT

    with redis_server.client() as client:
        client.delete("instants")
        script = client.register_script(SCRIPT)
        written = []
        for seconds, nanos in (first, second):
            (packed,) = Instants(np.array([seconds]), np.array([nanos])).encoded().to_pylist()
            written.append(script(keys=["instants"], args=["equal", "", "", 0, "_ts:view", packed]))
        kept = decode(client.hget("instants", "_ts:view"))
    assert written == [1, int(second >= first)]
    assert kept == max(first, second)
