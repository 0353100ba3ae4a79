"""Records found in the archive of the prediction log."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ingestion import compact
from ingestion.archive import ARRIVAL, Archive
from ingestion.predictions.frame import rows_of
from ingestion.predictions.record import read
from serving.journal.wire import encode
from serving.logged import NotLoggedError, find
from tests.predictions_made import TIME_US, served

TIME = datetime.fromtimestamp(TIME_US / 1e6, UTC)
DAY = timedelta(days=1)


def write(root: Path, *made: tuple[str, datetime]) -> Path:
    """A file per prediction, each at the next offset; the archive's folder."""
    folder = root / "predictions"
    first = len(list(folder.glob("date=*/*.parquet")))
    for offset, (request_id, time) in enumerate(made, first):
        time_us = round(time.timestamp() * 1e6)
        row = rows_of([read(encode(served(request_id, time_us=time_us)))])
        place = {"_topic": "predictions", "_partition": 0, "_offset": offset}
        arrival = pl.col("event_timestamp").alias(ARRIVAL)
        Archive.at(folder).write(
            row.with_columns(arrival, **{name: pl.lit(at) for name, at in place.items()})
        )
    return folder


def test_a_record_is_what_was_logged(tmp_path: Path) -> None:
    """Keys and request columns together, features by name, scores with their inputs."""
    (found,) = find(write(tmp_path, ("r1", TIME)), "r1")
    made = served("r1")
    assert (found.request_id, found.time, found.row, found.rung) == ("r1", TIME, made.row, "live")
    assert found.features == made.features
    assert [(score.version, score.inputs, score.arm) for score in found.scores] == [
        ("fraud@v1", [0.25, None, -1.0], "champion"),
        ("recommendation@v2", [0.25, None], None),
    ]


def test_an_id_used_twice_is_two_records_told_apart_by_time(tmp_path: Path) -> None:
    """A client chose it, yesterday and today."""
    folder = write(tmp_path, ("r1", TIME), ("other", TIME), ("r1", TIME - DAY))
    assert [found.time for found in find(folder, "r1")] == [TIME - DAY, TIME]
    assert [found.time for found in find(folder, "r1", TIME)] == [TIME]


def test_a_time_close_to_midnight_opens_both_days(tmp_path: Path) -> None:
    """Who asks may not know it to the minute."""
    midnight = TIME.replace(hour=0, minute=0, second=0)
    folder = write(tmp_path, ("r1", midnight - timedelta(minutes=1)))
    assert len(find(folder, "r1", midnight + timedelta(minutes=30))) == 1
    with pytest.raises(NotLoggedError, match="no predictions are archived"):
        find(folder, "r1", midnight + timedelta(hours=2))


def test_a_record_in_a_joined_file_is_found_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the joined file replaces lies beside it for an hour."""
    folder = write(tmp_path, *((f"r{number}", TIME) for number in range(5)))
    assert compact.main(["--root", str(tmp_path)]) == 0
    assert "predictions: 5 files joined into 1" in capsys.readouterr().out
    assert len(list(folder.glob("date=*/*.parquet"))) == 6
    assert len(find(folder, "r3")) == 1


def test_an_unknown_id_names_some_that_are_there(tmp_path: Path) -> None:
    """Perhaps it was mistyped."""
    with pytest.raises(NotLoggedError, match="r1"):
        find(write(tmp_path, ("r1", TIME)), "r2")
