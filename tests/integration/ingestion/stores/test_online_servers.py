"""Servers that are away, clusters, sentinels, and what is deleted."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from feast import FeatureStore
from feast.repo_config import FeastConfigError
from redis.crc import key_slot

from infra.services.ports import LOOPBACK, free_port
from ingestion.stores.erasure import delete_entity
from ingestion.stores.push import push_rows
from ingestion.stores.reader import OnlineReader
from ingestion.stores.redis_online.address import RedisUnavailableError
from ingestion.stores.redis_online.write import WriteCounts
from tests.integration.ingestion.stores import online_repo
from tests.integration.ingestion.stores.redis_groups import cluster, port_of, sentinel, server
from tests.services import RunningRedis
from tests.tls_front import certificate, tls_front

NOW = datetime.now(UTC)


def profile(*users: str, age: int = 36) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": users,
            "age": [age] * len(users),
            "city": ["Paris"] * len(users),
            "event_timestamp": [NOW] * len(users),
        }
    )


def visits(user: str, shop: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [user],
            "shop_id": [shop],
            "visits_1h": [1],
            "spent_1h": [2.5],
            "goods_1h": [1],
            "spent_mean_1h": [2.5],
            "last_good_1h": ["apple"],
            "event_timestamp": [NOW],
        }
    )


def ages(store: FeatureStore, users: list[str]) -> list[int | None]:
    rows: list[dict[str, Any]] = [{"user_id": user} for user in users]
    told: list[int | None] = store.get_online_features(["profile:age"], rows).to_dict()["age"]
    return told


def ages_async(store: FeatureStore, users: list[str]) -> list[int | None]:
    async def read() -> list[int | None]:
        try:
            rows: list[dict[str, Any]] = [{"user_id": user} for user in users]
            response = await store.get_online_features_async(["profile:age"], rows)
            told: list[int | None] = response.to_dict()["age"]
            return told
        finally:
            await store.close()

    return asyncio.run(read())


@contextmanager
def closed_at_the_end(store: FeatureStore) -> Iterator[FeatureStore]:
    yield store
    asyncio.run(store.close())


@pytest.mark.parametrize("read", [ages, ages_async])
def test_a_server_that_is_away_is_named(tmp_path: Path, read: Any) -> None:
    """Nobody listens: the error names the server, what was tried and the way out, at once."""
    port = free_port()
    store = online_repo.ours(tmp_path, f"{LOOPBACK}:{port}", "away")
    start = time.monotonic()
    with pytest.raises(RedisUnavailableError, match=rf"127\.0\.0\.1:{port} .*tried 3 times, 2 s .*`make up`"):
        read(store, ["ada"])
    assert time.monotonic() - start < 2
    with pytest.raises(RedisUnavailableError, match=str(port)):
        push_rows(store, "profile", profile("ada"))


@pytest.mark.parametrize("read", [ages, ages_async])
def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, read: Any) -> None:
    """Somebody listens and says nothing: the timeouts of the settings hold, connecting included."""
    limits = "  connect_timeout_seconds: 0.2\n  read_timeout_seconds: 0.2\n  attempts: 2\n"
    with socket.create_server((LOOPBACK, 0)) as silent:
        address = f"{LOOPBACK}:{silent.getsockname()[1]}"
        store = online_repo.ours(tmp_path, address, "silent", limits)
        start = time.monotonic()
        with pytest.raises(
            RedisUnavailableError, match=r"tried 2 times, 0\.2 s to connect and 0\.2 s for a reply"
        ):
            read(store, ["ada"])
        assert time.monotonic() - start < 3


def test_a_server_that_comes_back_is_used_again(tmp_path: Path, own_redis: RunningRedis) -> None:
    """Connections that broke are made anew; what was written is still there."""
    with closed_at_the_end(online_repo.ours(tmp_path, own_redis.address, "back")) as store:
        push_rows(store, "profile", profile("ada"))
        own_redis.kill()
        with pytest.raises(RedisUnavailableError):
            ages(store, ["ada"])
        own_redis.restart()
        push_rows(store, "profile", profile("bob", age=1))
        assert ages(store, ["bob"]) == [1]


def test_a_read_that_is_given_up_leaves_no_reply_behind(tmp_path: Path, redis_server: RunningRedis) -> None:
    """A cancelled read's answer is not taken for the next one's."""
    store = online_repo.ours(tmp_path, redis_server.address, f"cancel_{tmp_path.name}")
    push_rows(store, "profile", profile("ada", age=1))
    push_rows(store, "profile", profile("bob", age=2))

    async def read() -> list[int]:
        async def age(user: str) -> int:
            response = await store.get_online_features_async(["profile:age"], [{"user_id": user}])
            return int(response.to_dict()["age"][0])

        for turns in range(12):
            given_up = asyncio.create_task(age("ada"))
            for _ in range(turns):
                await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            assert await age("bob") == 2
        told = await asyncio.gather(*(age(user) for user in ["ada", "bob"] * 20))
        await store.close()
        return told

    assert asyncio.run(read()) == [1, 2] * 20


def test_a_cluster_is_written_and_read(tmp_path: Path) -> None:
    """Rows go to the nodes that hold their keys and are read from there, sync and async."""
    users = [f"user {n}" for n in range(40)]
    with cluster(tmp_path / "cluster") as nodes:
        address = ",".join(f"{LOOPBACK}:{port_of(node)}" for node in nodes)
        settings = "  redis_type: redis_cluster\n"
        with closed_at_the_end(online_repo.ours(tmp_path / "repo", address, "spread", settings)) as store:
            assert push_rows(store, "profile", profile(*users)) == WriteCounts(written=40)
            assert all(node.dbsize() > 0 for node in nodes)
            assert sum(node.dbsize() for node in nodes) == 40
            assert ages(store, users) == [36] * 40
            assert ages_async(store, users) == [36] * 40
            assert delete_entity(store, {"user_id": "user 1"}) == 1


def test_a_slot_that_moved_is_followed(tmp_path: Path) -> None:
    """A node that no longer holds a key says who does; reads and writes go there."""
    with cluster(tmp_path / "cluster") as (first, second):
        settings = "  redis_type: redis_cluster\n"
        address = f"{LOOPBACK}:{port_of(first)}"
        with closed_at_the_end(online_repo.ours(tmp_path / "repo", address, "moved", settings)) as store:
            push_rows(store, "profile", profile("ada"))
            holder, other = (first, second) if first.dbsize() else (second, first)
            (key,) = holder.keys("*")
            holder.delete(key)
            new_home = other.execute_command("CLUSTER", "MYID").decode()
            for node in (other, holder):
                node.execute_command("CLUSTER", "SETSLOT", key_slot(key), "NODE", new_home)
            assert push_rows(store, "profile", profile("ada", age=37)) == WriteCounts(written=1)
            assert other.dbsize() == 1
            assert ages(store, ["ada"]) == [37]


def test_sentinels_are_asked_for_the_master(tmp_path: Path) -> None:
    """The master that the sentinels name is written and read."""
    with server(tmp_path / "master", free_port(), "--save", "") as master, sentinel(tmp_path, master) as port:
        settings = "  redis_type: redis_sentinel\n  sentinel_master: mymaster\n"
        store = online_repo.ours(tmp_path / "repo", f"{LOOPBACK}:{port}", "watched", settings)
        with closed_at_the_end(store):
            push_rows(store, "profile", profile("ada"))
            assert master.dbsize() == 1
            assert ages(store, ["ada"]) == [36]
            assert ages_async(store, ["ada"]) == [36]


def test_a_password_and_a_database_are_used(tmp_path: Path) -> None:
    """Parameters of the connection string reach the client; a wrong password is told as such."""
    port = free_port()
    with server(tmp_path / "server", port, "--save", "") as client:
        client.config_set("requirepass", "s3cret")
        address = f"{LOOPBACK}:{port},db=3,password=s3cret"
        with closed_at_the_end(online_repo.ours(tmp_path / "repo", address, "locked")) as store:
            push_rows(store, "profile", profile("ada"))
            assert ages(store, ["ada"]) == [36]
        client.execute_command("AUTH", "s3cret")
        assert client.info("keyspace")["db3"]["keys"] == 1
        wrong = online_repo.ours(tmp_path / "wrong", f"{LOOPBACK}:{port},password=wrong", "locked")
        with pytest.raises(
            RedisUnavailableError, match=r"refused the login: .*correct username and password"
        ):
            ages(wrong, ["ada"])


def test_tls_and_a_password_are_used(tmp_path: Path) -> None:
    """Rows go through TLS, sync and async; without the server's authority, or without TLS, nobody is trusted."""
    port, file = free_port(), certificate(tmp_path)
    with (
        server(tmp_path / "server", port, "--save", "") as client,
        tls_front(file, port) as tls_port,
    ):
        client.config_set("requirepass", "s3cret")
        address = f"{LOOPBACK}:{tls_port},ssl=true,password=s3cret"
        trusted = online_repo.ours(tmp_path / "trusted", f"{address},ssl_ca_certs={file}", "tls")
        with closed_at_the_end(trusted):
            push_rows(trusted, "profile", profile("ada"))
            assert ages(trusted, ["ada"] * 3) == [36] * 3
            assert ages_async(trusted, ["ada", "bob"]) == [36, None]
        stranger = online_repo.ours(tmp_path / "stranger", address, "tls")
        for read in (ages, ages_async):
            with pytest.raises(RedisUnavailableError, match="certificate verify failed"):
                read(stranger, ["ada"])


def test_one_call_erases_an_entity(tmp_path: Path, redis_server: RunningRedis) -> None:
    """Its rows of every view go, with the finer entities it is part of; others stay, look-alikes too."""
    with closed_at_the_end(
        online_repo.ours(tmp_path, redis_server.address, f"erase_{tmp_path.name}")
    ) as store:
        names = ("a*", "a**", "aa", "b[a*]")
        push_rows(store, "profile", profile(*names))
        for name in names:
            push_rows(store, "visits", visits(name, 1))
            push_rows(store, "visits", visits(name, 2))
        assert delete_entity(store, {"user_id": "a*"}) == 3
        assert delete_entity(store, {"user_id": "a*"}) == 0
        assert ages(store, list(names)) == [None, 36, 36, 36]
        rows = [{"user_id": name, "shop_id": 2} for name in names]
        assert store.get_online_features(["visits:visits_1h"], rows).to_dict()["visits_1h"] == [0, 1, 1, 1]
        assert delete_entity(store, {"user_id": "aa", "shop_id": 1}) == 1
        with pytest.raises(ValueError, match="no feature view has the join keys"):
            delete_entity(store, {"customer": 1})


def test_rows_of_a_removed_view_are_deleted(tmp_path: Path, redis_server: RunningRedis) -> None:
    """As in stock Feast: `feast apply` without the view takes its rows away and leaves the entity's others."""
    with closed_at_the_end(
        online_repo.ours(tmp_path, redis_server.address, f"drop_{tmp_path.name}")
    ) as store:
        push_rows(store, "profile", profile("ada"))
        push_rows(store, "visits", visits("ada", 1))
        store.apply(
            [online_repo.user, online_repo.shop], objects_to_delete=[online_repo.visits], partial=False
        )
        with redis_server.client() as client:
            (key,) = client.scan_iter(f"*{store.project}")
            assert b"_ts:profile" in client.hkeys(key)


def test_teardown_deletes_the_entities_of_plain_views(tmp_path: Path, redis_server: RunningRedis) -> None:
    """As in stock Feast, which does not name its stream feature views on teardown: see delete_entity for those."""
    with closed_at_the_end(
        online_repo.ours(tmp_path, redis_server.address, f"tear_{tmp_path.name}")
    ) as store:
        push_rows(store, "profile", profile("ada", "bob"))
        store.teardown()
        with redis_server.client() as client:
            assert list(client.scan_iter(f"*{store.project}")) == []


def test_trap_9_an_unset_variable_stops_feast(tmp_path: Path) -> None:
    """The error of any Feast command names the variable, the setting and the file."""
    with pytest.raises(FeastConfigError, match=r"(?s)no REDIS_NOWHERE;.*feature_store\.yaml"):
        online_repo.ours(tmp_path, "${REDIS_NOWHERE}", "unset")


def test_the_direct_reader_reads_a_cluster(tmp_path: Path) -> None:
    """One entity's views lie on different nodes; their values stand side by side all the same."""
    with cluster(tmp_path / "cluster") as nodes:
        settings = "  redis_type: redis_cluster\n"
        address = f"{LOOPBACK}:{port_of(nodes[0])}"
        with closed_at_the_end(online_repo.ours(tmp_path / "repo", address, "direct", settings)) as store:
            push_rows(store, "profile", profile("ada"))
            push_rows(store, "visits", visits("ada", 1))
            reader = OnlineReader(store, "everything")
            given = reader.read_now([{"user_id": "ada", "shop_id": 1}])
            assert dict(zip(given.names, given.values[0], strict=True))["visits_1h"] == 1
            assert given.values[0, -2:].tolist() == ["Paris", 36]
