"""The sweep of rows that are older than their view's ttl."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore

from ingestion import sweep as command
from ingestion.stores import outdated
from ingestion.stores.push import push_rows
from tests.integration.ingestion.stores import online_repo
from tests.services import RunningRedis

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path, redis_server: RunningRedis) -> Iterator[FeatureStore]:
    made = online_repo.ours(tmp_path, redis_server.address, f"sweep_{tmp_path.name}")
    yield made
    asyncio.run(made.close())


def profile(users: int, at: datetime) -> pl.DataFrame:
    number = pl.int_range(users, eager=True)
    return pl.DataFrame(
        {"user_id": number.cast(pl.String), "age": number, "city": [""] * users}
    ).with_columns(event_timestamp=pl.lit(at))


def every_type(users: int, at: datetime) -> pl.DataFrame:
    nulls = [pl.lit(None).alias(name) for name in online_repo.EVERY_TYPE]
    return profile(users, at).select("user_id", "event_timestamp", *nulls)


def stored_fields(server: RunningRedis, project: str) -> dict[bytes, set[bytes]]:
    with server.client() as client:
        return {key: set(client.hkeys(key)) for key in client.scan_iter(f"*{project}")}


def test_outdated_rows_are_removed_view_by_view(store: FeatureStore, redis_server: RunningRedis) -> None:
    """The row of the view with a ttl goes; the entity's other view, which has none, stays; counts are told."""
    push_rows(store, "every_type", every_type(3, NOW - 9 * DAY))
    push_rows(store, "profile", profile(1_200, NOW - 2 * DAY))
    push_rows(store, "profile", profile(5, NOW))
    pauses: list[float] = []
    told = [
        (counts.entities, counts.removed["profile"])
        for counts in outdated.sweep(store, NOW.timestamp(), keys_per_second=1_000, pause=pauses.append)
    ]
    entities, removed = told[-1]
    assert (entities >= 1_200, removed) == (True, 1_195)
    assert len(told) == len(pauses) > 1
    assert sum(pauses) == pytest.approx(entities / 1_000)
    left = stored_fields(redis_server, store.project)
    assert len(left) == 5
    assert sum(b"_ts:every_type" in fields for fields in left.values()) == 3


def test_a_row_written_meanwhile_stays(store: FeatureStore) -> None:
    """What was read as outdated is compared again by Redis when it is removed."""
    (view,) = outdated.ageing_views(store)
    push_rows(store, "profile", profile(1, NOW - 2 * DAY))
    connections = store.provider.online_store.connections(store.config)
    with connections.link() as link:
        (key,) = link.client.scan_iter(f"*{store.project}")

        class Delayed:
            """A link on which a newer row arrives between the reading and the removing."""

            def send(self, keys: list[bytes], commands: list[bytes]) -> list[object]:
                replies: list[object] = link.send(keys, commands)
                push_rows(store, "profile", profile(1, NOW))
                return replies

        assert view.remove(Delayed(), [key], NOW.timestamp()) == 0  # type: ignore[arg-type]
        assert view.remove(link, [key], NOW.timestamp() + 2 * DAY.total_seconds()) == 1


def test_entities_of_other_projects_stay(tmp_path: Path, redis_server: RunningRedis) -> None:
    """A project whose name ends like another's is not taken for it."""
    project = f"mine_{tmp_path.name}"
    mine = online_repo.ours(tmp_path / "mine", redis_server.address, project)
    theirs = online_repo.ours(tmp_path / "theirs", redis_server.address, f"not_{project}")
    for made in (mine, theirs):
        push_rows(made, "profile", profile(2, NOW - 2 * DAY))
    *_, counts = outdated.sweep(mine, NOW.timestamp(), 1_000, lambda _: None)
    assert counts.removed == {"profile": 2}
    assert len(stored_fields(redis_server, f"not_{project}")) == 2
    for made in (mine, theirs):
        asyncio.run(made.close())


def test_the_command_prints_what_it_removed(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m ingestion.sweep` on the feature repository of the environment."""
    push_rows(store, "profile", profile(7, NOW - 2 * DAY))
    monkeypatch.setenv("SHOP_FEATURE_REPO", str(tmp_path))
    assert command.main(["--keys-per-second", "1000000"]) == 0
    assert "7 entities looked at" in (printed := capsys.readouterr().out)
    assert "profile" in printed


def test_the_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Redis that is away ends it with status 1 and one line."""
    online_repo.ours(tmp_path, "127.0.0.1:1", "away")
    monkeypatch.setenv("SHOP_FEATURE_REPO", str(tmp_path))
    assert command.main([]) == 1
    assert "127.0.0.1:1 (from online_store.connection_string) was not reached" in capsys.readouterr().err
