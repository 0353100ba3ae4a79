"""Figures of the prediction log."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.site.traffic import SCORE_EDGES, TrafficDay
from expectations.site.traffic_kept import traffic_days
from expectations.site.traffic_page import traffic_area
from ingestion.archive import ARRIVAL, TIMESTAMP_TYPE
from ingestion.predictions.frame import rows_of
from ingestion.predictions.record import read
from serving.answers import Score, Served
from serving.journal.wire import encode
from tests.prediction_log import write_day
from tests.predictions_made import TIME_US, served

DAY = date(2026, 4, 24)
NOW = datetime(2026, 4, 24, 12, tzinfo=UTC)
STALE = timedelta(hours=48)


def write(folder: Path, predictions: list[Served], name: str = "1", first: int = 0) -> None:
    """A file as the API, the topic and the archive make it."""
    records = [read(encode(one)) for one in predictions]
    offsets = pl.Series("_offset", range(first, first + len(records)), dtype=pl.Int64)
    arrived = pl.lit(NOW).cast(TIMESTAMP_TYPE).alias(ARRIVAL)
    position = pl.lit("predictions").alias("_topic"), pl.lit(0, pl.Int32).alias("_partition")
    target = folder / f"date={DAY}" / f"{name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    rows_of(records).with_columns(arrived, *position, offsets).write_parquet(target)


def figures(folder: Path) -> TrafficDay:
    """Of the one day."""
    (day,) = traffic_days(str(folder), folder / "kept", [DAY])
    return day


def test_predictions_are_counted_by_hour_rung_and_level(tmp_path: Path) -> None:
    """An hour has its latencies, a day its rungs; requests of several predictions are told apart."""
    hour = 3_600_000_000
    write(
        tmp_path,
        [
            served("a", latency_ms=1.0),
            served("a", latency_ms=3.0),
            served("b", latency_ms=9.0, rung="rules", risk_level=None, time_us=TIME_US + hour),
        ],
    )
    day = figures(tmp_path)
    assert (day.whole.predictions, day.requests) == (3, 2)
    assert [(h.predictions, h.p99_ms) for h in day.hours] == [(2, 3.0), (1, 9.0)]
    assert day.rungs == {"live": 2, "rules": 1}
    assert day.risk_levels == {"LOW": 2, "none": 1}
    assert day.views == {"user_orders": {"PRESENT": 3}, "user_profile": {"NOT_FOUND": 3}}
    assert day.live_share == pytest.approx(2 / 3)


def test_what_a_shadow_scored_is_no_prediction(tmp_path: Path) -> None:
    """Its probabilities are counted beside those that decided."""
    shadow = {"fraud": Score("fraud@v2", 0.5, [0.1], "trees:shadow", shadow=True)}
    write(tmp_path, [served("a"), served("a", scores=shadow)])
    day = figures(tmp_path)
    assert day.whole.predictions == 1
    fraud = [(s.version, s.shadow, s.predictions, s.mean) for s in day.scores if s.model == "fraud"]
    assert fraud == [("fraud@v1", False, 1, 0.125), ("fraud@v2", True, 1, 0.5)]


def test_probabilities_beyond_the_bins_are_in_the_outer_ones(tmp_path: Path) -> None:
    """None is left out."""
    scores = [{"fraud": Score("fraud@v1", p, [0.1], None, shadow=False)} for p in (0.0, 1e-6, 1.0)]
    write(tmp_path, [served(str(n), scores=one) for n, one in enumerate(scores)])
    (counts,) = (score.counts for score in figures(tmp_path).scores)
    assert (counts[0], counts[-1], sum(counts), len(counts)) == (2, 1, 3, len(SCORE_EDGES) - 1)


def test_a_record_that_is_in_two_files_counts_once(tmp_path: Path) -> None:
    """Small files are joined into a large one before they are deleted."""
    write(tmp_path, [served("a")], "small")
    write(tmp_path, [served("a"), served("b")], "large")
    assert figures(tmp_path).whole.predictions == 2


def test_a_day_is_read_again_only_when_its_files_have_changed(tmp_path: Path) -> None:
    """What was kept of the same files is believed; one file more, and it is not."""
    write(tmp_path, [served("a")])
    figures(tmp_path)
    file = tmp_path / "kept" / f"{DAY}.json"
    file.write_text(file.read_text().replace('"requests":1', '"requests":99'))
    assert figures(tmp_path).requests == 99
    write(tmp_path, [served("b")], "2", first=1)
    assert figures(tmp_path).requests == 2


def test_days_without_predictions_are_left_out(tmp_path: Path) -> None:
    """No folder, or no log at all."""
    assert list(traffic_days(str(tmp_path / "nowhere"), tmp_path / "kept", [DAY])) == []


def test_many_fallbacks_are_to_be_looked_at(tmp_path: Path) -> None:
    """And said, with the rungs."""
    write_day(tmp_path, DAY, 400, live=0.5)
    area = traffic_area([figures(tmp_path)], [DAY], NOW, STALE)
    assert area.tone == "look"
    assert "remembered" in area.problems[0].what


def test_an_old_log_says_nothing_of_today(tmp_path: Path) -> None:
    """All was live, three days ago."""
    write_day(tmp_path, DAY, 400, live=1.0)
    later = NOW + timedelta(days=3)
    assert traffic_area([figures(tmp_path)], [DAY], NOW, STALE).tone == "good"
    assert traffic_area([figures(tmp_path)], [DAY], later, STALE).tone == "unknown"
    assert traffic_area([], [DAY], NOW, STALE).number == "no predictions"
