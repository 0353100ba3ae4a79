"""The prediction log as frames."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.served import RECORD, NoPredictionsError, ServedLog, long, scores, views, wide
from ingestion.archive import Archive
from ingestion.predictions.frame import rows_of
from ingestion.predictions.record import Record, Score, ViewUse

MIDNIGHT = datetime(2026, 4, 24, tzinfo=UTC)
DAY = timedelta(days=1)


def record(number: int, at: datetime, *, shadow: bool = False) -> Record:
    read_us = int(at.timestamp() * 1e6)
    return Record(
        request_id=f"r{number}",
        time_us=read_us,
        row={"user_id": f"u{number}", "product_id": "p", "request_seconds": number},
        rung="live",
        views={"user_orders": ViewUse("PRESENT", read_us - 1_500_000, 1.5, "live")},
        features={"orders": number, "category": None if number % 2 else "toys"},
        scores={"fraud": Score("fraud@v1", 0.5, [1.0], "champion", shadow)},
        risk_level="LOW",
        latency_ms=1.0,
    )


def archived(folder: Path, records: list[Record], offset: int = 0) -> ServedLog:
    rows = rows_of(records).with_row_index("_offset", offset)
    Archive.at(folder).write(
        rows.with_columns(
            pl.col("_offset").cast(pl.Int64),
            arrival_timestamp="event_timestamp",
            _topic=pl.lit("predictions"),
            _partition=pl.lit(0, pl.Int32),
        )
    )
    return ServedLog(str(folder))


def test_an_interval_is_half_open(tmp_path: Path) -> None:
    """The first instant belongs to it, the last does not."""
    log = archived(tmp_path, [record(hour, MIDNIGHT + timedelta(hours=hour)) for hour in range(4)])
    found = log.read(MIDNIGHT + timedelta(hours=1), MIDNIGHT + timedelta(hours=3))
    assert found["request_id"].to_list() == ["r1", "r2"]
    assert found[RECORD].to_list() == [0, 1]


def test_days_are_cut_to_the_bounds(tmp_path: Path) -> None:
    """Only days with records are named."""
    log = archived(tmp_path, [record(day, MIDNIGHT + day * DAY) for day in (0, 2)])
    assert list(log.days()) == [(MIDNIGHT, MIDNIGHT + DAY), (MIDNIGHT + 2 * DAY, MIDNIGHT + 3 * DAY)]
    noon = MIDNIGHT + timedelta(hours=12)
    assert list(log.days(noon, MIDNIGHT + DAY)) == [(noon, MIDNIGHT + DAY)]


def test_a_sample_is_the_same_each_time(tmp_path: Path) -> None:
    """About as many as were asked for, and always the same ones."""
    log = archived(tmp_path, [record(i, MIDNIGHT + timedelta(seconds=i)) for i in range(2_000)])
    once = log.read(MIDNIGHT, MIDNIGHT + DAY, ["request_id"], most=200)
    assert 140 < once.height < 260
    assert once.equals(log.read(MIDNIGHT, MIDNIGHT + DAY, ["request_id"], most=200))
    assert (
        log.read(MIDNIGHT, MIDNIGHT + DAY, most=5_000).height == log.count(MIDNIGHT, MIDNIGHT + DAY) == 2_000
    )


def test_shadows_are_no_answers(tmp_path: Path) -> None:
    """What a shadow scored beside an answer is neither read nor counted."""
    log = archived(tmp_path, [record(1, MIDNIGHT), record(1, MIDNIGHT, shadow=True)])
    assert log.read(MIDNIGHT, MIDNIGHT + DAY).height == log.count(MIDNIGHT, MIDNIGHT + DAY) == 1


def test_a_record_in_two_files_is_read_once(tmp_path: Path) -> None:
    """Files that were joined lie beside the joined one for a while."""
    archived(tmp_path, [record(1, MIDNIGHT)])
    (folder,) = tmp_path.glob("date=*")
    (file,) = folder.glob("*.parquet")
    (folder / "joined.parquet").write_bytes(file.read_bytes())
    assert ServedLog(str(tmp_path)).read(MIDNIGHT, MIDNIGHT + DAY).height == 1


def test_values_come_in_the_types_that_are_asked_for(tmp_path: Path) -> None:
    """A column per name, null where the record has none."""
    records = archived(tmp_path, [record(i, MIDNIGHT + timedelta(seconds=i)) for i in range(2)]).read(
        MIDNIGHT, MIDNIGHT + DAY
    )
    types = {"orders": pl.Int64(), "category": pl.String(), "unheard_of": pl.Float64()}
    assert wide(records, "features", types).to_dict(as_series=False) == {
        RECORD: [0, 1],
        "orders": [0, 1],
        "category": ["toys", None],
        "unheard_of": [None, None],
    }
    assert wide(records, "request", {"request_seconds": pl.Int64()})["request_seconds"].to_list() == [0, 1]
    assert long(records, "features").height == 4


def test_views_and_scores_name_their_record(tmp_path: Path) -> None:
    """A row per view with the clock and age of its row; a row per model."""
    records = archived(tmp_path, [record(7, MIDNIGHT)]).read(MIDNIGHT, MIDNIGHT + DAY)
    assert views(records).to_dicts() == [
        {
            RECORD: 0,
            "view": "user_orders",
            "status": "PRESENT",
            "row_timestamp": MIDNIGHT - timedelta(seconds=1.5),
            "age_seconds": 1.5,
            "view_rung": "live",
        }
    ]
    assert scores(records).select("model", "version", "probability").row(0) == ("fraud", "fraud@v1", 0.5)


def test_without_a_log_it_is_said_what_makes_one(tmp_path: Path) -> None:
    """An empty folder is no empty log."""
    with pytest.raises(NoPredictionsError, match=r"ingestion\.predictions"):
        ServedLog(str(tmp_path)).read(MIDNIGHT, MIDNIGHT + DAY)
