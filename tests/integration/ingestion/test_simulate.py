"""The simulator's commands: a history in the archive, and live events in a real broker."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ingestion import simulate
from ingestion.archive import Archive
from tests.services import RunningKafka

END = "2026-03-01T12:00:00"
TOPICS = ("orders", "page_views", "chargebacks")


def history(*options: str) -> int:
    return simulate.main(
        ["history", "--days", "4", "--scale", "0.05", "--products", "100", "--end", END, *options]
    )


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path))
    return tmp_path


def test_history_fills_archive_and_tables(data_dir: Path) -> None:
    """Every event type up to the end, both tables, and the ground truth beside them."""
    assert history() == 0
    end = datetime.fromisoformat(END).replace(tzinfo=UTC)
    for topic in TOPICS:
        events = Archive(data_dir, topic).scan(None, None).collect()
        assert events["_offset"].null_count() == events.height > 0
        assert end - timedelta(days=4) <= events["event_timestamp"].min()
        assert events["arrival_timestamp"].max() < end
    for table in ("user_profile", "product_catalogue"):
        assert pl.read_parquet(data_dir / "tables" / table / simulate.TABLE_FILE).height > 0
    truth = pl.read_parquet(data_dir / "ground_truth" / "orders.parquet")
    assert set(truth["order_id"]) >= set(
        Archive(data_dir, "chargebacks").scan(None, None).collect()["order_id"]
    )


def test_a_second_history_is_refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would count every event twice; what is there stays as it is."""
    assert history() == 0
    before = Archive(data_dir, "orders").scan(None, None).collect()
    assert history("--seed", "8") == 1
    assert "already; delete them first" in capsys.readouterr().out
    assert Archive(data_dir, "orders").scan(None, None).collect().equals(before)


def test_live_events_arrive_in_the_world_of_the_history(
    data_dir: Path, own_kafka: RunningKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many messages in each topic as counted, stamped about when they happened; chargebacks are of known orders."""
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", own_kafka.bootstrap)
    for topic in TOPICS:
        own_kafka.create(topic)
    assert history() == 0
    counts_file = data_dir / "counts.json"
    live = ["live", "--events-per-second", "1000", "--seconds", "3", "--counts-file", str(counts_file)]
    assert simulate.main(live) == 0
    counts = json.loads(counts_file.read_text())
    assert counts["total"] == 3000
    read = {topic: own_kafka.read(topic, counts["by_topic"][topic][0]) for topic in TOPICS}
    assert {topic: len(messages) for topic, messages in read.items()} == {
        topic: total for topic, (total, _) in counts["by_topic"].items()
    }
    empty = [m for messages in read.values() for m in messages if not m.value()]
    assert len(empty) == counts["malformed"]["empty"]
    assert all(m.key().startswith(b"user_") for messages in read.values() for m in messages)
    view = read["page_views"][0]
    happened = datetime.fromisoformat(json.loads(view.value())["event_timestamp"])
    assert (
        timedelta()
        <= datetime.fromtimestamp(view.timestamp()[1] / 1000, UTC) - happened
        < timedelta(seconds=2)
    )


def test_live_without_the_topics_is_an_error(
    data_dir: Path,
    own_kafka: RunningKafka,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is drawn or sent."""
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", own_kafka.bootstrap)
    assert simulate.main(["live"]) == 1
    assert "there is no topic" in capsys.readouterr().out
