"""The archive of predictions with a real broker: nothing is lost, nothing is there twice."""

from collections import Counter
from pathlib import Path

import polars as pl

from serving.journal.wire import encode
from tests.api_process import wait_until
from tests.prediction_keeper import archived, running_keeper
from tests.predictions_made import served
from tests.services import RunningKafka

SECONDS = 120.0


def ids(data: Path) -> list[str]:
    return archived(data, "request_id")["request_id"].to_list()


def test_every_field_of_a_prediction_is_in_its_row(kafka_broker: RunningKafka, tmp_path: Path) -> None:
    """What the API encodes is what a reader of the archive finds."""
    topic = kafka_broker.topic("predictions")
    kafka_broker.produce(topic, [encode(served())], b"user_0001")
    with running_keeper(tmp_path, kafka_broker.bootstrap, topic) as keeper:
        wait_until(lambda: ids(tmp_path), "a prediction archived", SECONDS)
        assert keeper.stop() == 0
    (file,) = (tmp_path / "predictions").glob("date=2026-04-24/*.parquet")
    (row,) = pl.read_parquet(file).to_dicts()
    assert (row["request_id"], row["user_id"], row["device_id"]) == ("r1", "user_0001", None)
    assert row["request"] == [{"name": "transaction_amount", "number": 20.5, "text": None}]
    assert {one["name"]: one["number"] or one["text"] for one in row["features"]} == served().features
    assert [view["status"] for view in row["views"]] == ["PRESENT", "NOT_FOUND"]
    assert [(s["version"], s["probability"], s["arm"], s["shadow"]) for s in row["scores"]] == [
        ("fraud@v1", 0.125, "champion", False),
        ("recommendation@v2", 0.75, None, True),
    ]
    assert row["scores"][0]["inputs"] == [0.25, None, -1.0]
    assert (row["_topic"], row["_offset"]) == (topic, 0)


def test_a_keeper_that_is_killed_again_and_again_archives_each_prediction_once(
    kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """SIGKILL while it writes, between file and commit, or while it starts: the next one goes on where it was.

    ::

        produce 500 | start, kill at the n-th file | produce 500 | start, kill ... | start, stop
    """
    topic = kafka_broker.topic("predictions")
    wanted = 0
    for life in range(3):
        batch = [encode(served(f"r{wanted + i}")) for i in range(500)]
        kafka_broker.produce(topic, batch)
        wanted += len(batch)
        before = len(ids(tmp_path))
        with running_keeper(tmp_path, kafka_broker.bootstrap, topic) as keeper:
            if life < 2:
                # From the first rows that can be seen on, at a moment that differs from life to life.
                wait_until(lambda before=before: len(ids(tmp_path)) > before, "something archived", SECONDS)
                keeper.kill()
            else:
                wait_until(
                    lambda all_of=wanted: len(set(ids(tmp_path))) == all_of, "everything archived", SECONDS
                )
                assert keeper.stop() == 0
    assert Counter(ids(tmp_path)) == Counter(f"r{i}" for i in range(wanted))


def test_what_was_archived_but_not_committed_is_not_archived_again(
    kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """A group without any commit, as after a kill between the first file and its commit, goes on behind the archive."""
    topic = kafka_broker.topic("predictions")
    kafka_broker.produce(topic, [encode(served(f"r{i}")) for i in range(50)])
    with running_keeper(tmp_path, kafka_broker.bootstrap, topic) as keeper:
        wait_until(lambda: len(ids(tmp_path)) == 50, "all archived", SECONDS)
        keeper.kill()
    kafka_broker.produce(topic, [encode(served("last"))])
    other = {"SHOP_PREDICTIONS_GROUP": f"other_{topic}"}
    with running_keeper(tmp_path, kafka_broker.bootstrap, topic, **other) as keeper:
        wait_until(lambda: "last" in ids(tmp_path), "the last one archived", SECONDS)
        assert keeper.stop() == 0
    assert Counter(ids(tmp_path)) == Counter(["last", *(f"r{i}" for i in range(50))])


def test_of_two_keepers_one_archives_and_the_other_takes_over(
    kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """A standby writes nothing until the first is gone."""
    topic = kafka_broker.topic("predictions")
    with (
        running_keeper(tmp_path, kafka_broker.bootstrap, topic) as one,
        running_keeper(tmp_path, kafka_broker.bootstrap, topic) as other,
    ):
        kafka_broker.produce(topic, [encode(served("r1"))])
        wait_until(lambda: ids(tmp_path) == ["r1"], "the first archived", SECONDS)
        one.kill()
        kafka_broker.produce(topic, [encode(served("r2"))])
        wait_until(lambda: len(ids(tmp_path)) == 2, "the second archived", SECONDS)
        assert other.stop() == 0
    assert sorted(ids(tmp_path)) == ["r1", "r2"]


def test_a_message_that_is_no_prediction_is_put_aside(kafka_broker: RunningKafka, tmp_path: Path) -> None:
    """It becomes a dead letter with its reason; those around it are archived."""
    topic = kafka_broker.topic("predictions")
    kafka_broker.produce(topic, [encode(served("r1")), b"nonsense", b"\x92\x02\x80", encode(served("r2"))])
    with running_keeper(tmp_path, kafka_broker.bootstrap, topic) as keeper:
        wait_until(lambda: len(ids(tmp_path)) == 2, "both archived", SECONDS)
        assert keeper.stop() == 0
    letters = kafka_broker.read(f"dead_{topic}", 2)
    kinds = [dict(letter.headers())["kind"] for letter in letters]
    assert sorted(kinds) == [b"malformed_prediction", b"unknown_version"]
    assert {letter.value() for letter in letters} == {b"nonsense", b"\x92\x02\x80"}
