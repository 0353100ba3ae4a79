"""Product statistics against a count by hand at every midnight."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.archive import TIMESTAMP_TYPE
from ingestion.batch.statistics import COLUMNS, PRIOR_VIEWS, daily_statistics

MAY_1 = datetime(2024, 5, 1, tzinfo=UTC)
SCHEMA = {"product_id": pl.String, "event_timestamp": TIMESTAMP_TYPE, "arrival_timestamp": TIMESTAMP_TYPE}

hours = st.integers(0, 45 * 4).map(lambda quarter_days: timedelta(hours=6 * quarter_days))
late = st.sampled_from([0, 1, 6, 24, 80]).map(lambda hours: timedelta(hours=hours))
events = st.lists(st.tuples(st.sampled_from("abc"), hours, late), max_size=30)


def frame(drawn: list[Any]) -> pl.DataFrame:
    rows = [(product, MAY_1 + happened, MAY_1 + happened + delay) for product, happened, delay in drawn]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def seen(drawn: list[Any], product: str | None, midnight: datetime) -> int:
    return sum(
        product in (None, p)
        and midnight - timedelta(days=28) <= MAY_1 + happened < midnight
        and MAY_1 + happened + delay <= midnight
        for p, happened, delay in drawn
    )


@settings(max_examples=200)
@given(events, events, st.integers(1, 40), st.integers(0, 8))
def test_a_midnight_knows_what_had_happened_and_arrived(
    orders: Any, views: Any, first: int, days: int
) -> None:
    """28 days back, half-open, late events from their arrival on; ranks count from 1 without gaps."""
    start = date(2024, 5, 1) + timedelta(days=first)
    rows = daily_statistics(frame(orders), frame(views), start, start + timedelta(days=days))
    found = {(row["event_timestamp"], row["product_id"]): row for row in rows.iter_rows(named=True)}
    for day in range(days + 1):
        midnight = datetime.combine(start + timedelta(days=day), time(), UTC)
        counts = {p: (seen(orders, p, midnight), seen(views, p, midnight)) for p in "abc"}
        overall = seen(orders, None, midnight) / max(seen(views, None, midnight), 1)
        ranked = sorted(
            (p for p in counts if any(counts[p])), key=lambda p: (-counts[p][0], -counts[p][1], p)
        )
        for rank, product in enumerate(ranked, 1):
            row = found.pop((midnight, product))
            bought, looked_at = counts[product]
            assert row["product_popularity_rank"] == rank
            assert (
                abs(row["product_conversion"] - (bought + PRIOR_VIEWS * overall) / (looked_at + PRIOR_VIEWS))
                < 1e-12
            )
            assert row["created_timestamp"] == midnight
    assert not found


def test_without_events_there_are_no_rows() -> None:
    """And the columns are those of the table."""
    rows = daily_statistics(frame([]), frame([]), date(2024, 5, 1), date(2024, 5, 3))
    assert rows.is_empty()
    assert dict(rows.schema) == dict(COLUMNS)
