"""A day beside the days before it: each fault breaks the figure that is there for it, and a clean day none."""

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from feast import FeatureStore

from expectations.archive import check_partitions, history_of
from expectations.days import partitions
from expectations.reports import Reports
from expectations.settings import QualitySettings
from tests.integration.expectations.frames import orders

Fault = Callable[[pl.DataFrame], pl.DataFrame]
FIRST, LAST = date(2026, 1, 1), date(2026, 1, 17)
AFTERWARDS = datetime(2026, 2, 1, tzinfo=UTC)


@functools.cache
def day_of(number: int) -> pl.DataFrame:
    """Orders of the day of that number, from Kafka; ids are its own, offsets go on from day to day."""
    random, rows = np.random.default_rng(number), 2_000
    seconds = np.sort(random.normal(50_000, 15_000, rows).clip(0, 86_399))
    shift = timedelta(days=number)
    return (
        orders(rows)
        .with_columns(
            order_id=f"{number}_" + pl.col("order_id"),
            event_timestamp=datetime(2026, 1, 1, tzinfo=UTC)
            + shift
            + pl.Series(seconds * 1e6).cast(pl.Duration("us")),
            amount=pl.Series(random.lognormal(3, 1, rows)),
            _topic=pl.lit("orders"),
            _partition=pl.int_range(pl.len(), dtype=pl.Int32) % 4,
            _offset=number * rows // 4 + pl.int_range(pl.len()) // 4,
        )
        .with_columns(arrival_timestamp=pl.col("event_timestamp") + timedelta(milliseconds=80))
    )


@pytest.fixture
def archive(settings: QualitySettings) -> QualitySettings:
    """Seventeen days of orders."""
    for number in range((LAST - FIRST).days + 1):
        write(settings, number, day_of(number))
    return settings


def write(settings: QualitySettings, number: int, frame: pl.DataFrame, event: str = "orders") -> None:
    folder = settings.data_dir / "archive" / event / f"date={FIRST + timedelta(days=number)}"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "1.parquet")


def broken(store: FeatureStore, settings: QualitySettings, frame: pl.DataFrame) -> set[str]:
    """Figures of the last day that are out of bounds; its rows instead of those in the archive."""
    figures = history_of(store, "orders", settings, AFTERWARDS).figures(LAST, frame)
    return {
        f.name
        for f in figures
        if not (f.minimum is None or f.value >= f.minimum) or not (f.maximum is None or f.value <= f.maximum)
    }


def moved(column: str, by: timedelta) -> Fault:
    return lambda f: f.with_columns(pl.col(column) + by)


FAULTS: dict[str, tuple[Fault, str]] = {
    "cents for euros": (lambda f: f.with_columns(pl.col("amount") * 100), "amount_q50"),
    "a clock that stands still": (
        lambda f: f.with_columns(event_timestamp=pl.col("event_timestamp").sort_by("_offset").gather([1000]).first())
        .head(200)
        .vstack(f[200:]),
        "same_instant_share",
    ),
    "event times two hours early": (moved("event_timestamp", timedelta(hours=-2)), "lag_seconds"),
    "event times two hours late": (moved("event_timestamp", timedelta(hours=2)), "lag_seconds"),
    "yesterday's events again": (lambda f: f[:1500].vstack(day_of(15)[:500]), "order_id_seen_before_share"),
    "customers and devices swapped": (
        lambda f: f.with_columns(user_id=pl.col("device_id"), device_id=pl.col("user_id")),
        "user_id_seen_share",
    ),
    "amounts and quantities swapped": (
        lambda f: f.with_columns(
            amount=pl.col("quantity").cast(pl.Float64), quantity=pl.col("amount").cast(pl.Int64) + 1
        ),
        "quantity_q50",
    ),
    "a new category": (
        lambda f: f.with_columns(
            category=pl.when(pl.int_range(pl.len()) % 10 < 3).then(pl.lit("new")).otherwise("category")
        ),
        "category_seen_share",
    ),
    "no sessions": (
        lambda f: f.with_columns(session_id=pl.lit(None, pl.String)),
        "session_id_null_share",
    ),
    "a partition skipped": (lambda f: f.filter(pl.col("_partition") != 2), "partitions"),
    "messages skipped": (lambda f: f.filter(pl.col("_offset") % 5 != 0), "offsets_missing_share"),
    "a quarter of the day": (lambda f: f.filter(pl.col("_partition") != 2), "events"),
    "an hour without events": (
        lambda f: f.filter(pl.col("event_timestamp").dt.hour() != 13),
        "events_13h",
    ),
    "nothing in the evening": (
        lambda f: f.filter(pl.col("event_timestamp").dt.hour() < 15),
        "silent_minutes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_day_breaks_its_figure(
    fault: str, store: FeatureStore, archive: QualitySettings
) -> None:
    """The figure that is there for it is among those out of bounds."""
    damage, figure = FAULTS[fault]
    assert figure in broken(store, archive, damage(day_of(16)))


def test_a_clean_day_breaks_none(store: FeatureStore, archive: QualitySettings) -> None:
    """More than forty figures, each compared with sixteen days."""
    assert broken(store, archive, day_of(16)) == set()


def test_a_day_that_is_not_over_is_judged_up_to_now(store: FeatureStore, archive: QualitySettings) -> None:
    """At noon a morning is a clean day; ten minutes are left to the archive."""
    noon = datetime(2026, 1, 17, 12, 10, tzinfo=UTC)
    morning = day_of(16).filter(pl.col("event_timestamp") < noon - timedelta(minutes=10))
    figures = history_of(store, "orders", archive, noon).figures(LAST, morning)
    hours = [f.name for f in figures if f.name.endswith("h")]
    assert hours[-1] == "events_11h"
    assert all(f.minimum is None or f.value >= f.minimum for f in figures)


def test_both_results_of_a_day_are_kept(store: FeatureStore, archive: QualitySettings) -> None:
    """Its rows, and the day beside those before; explicit numbers, without rows as examples."""
    write(archive, 16, day_of(16).with_columns(pl.col("amount") * 100))
    found = [p for p in partitions(archive, ["orders"]) if p.first == LAST]
    results = [
        r for _, r in check_partitions(store, found, archive, Reports(archive), clock=lambda: AFTERWARDS)
    ]
    assert [r.suite for r in results] == ["events-orders", "day-orders"]
    assert results[1].rows == 2_000
    failure = next(f for f in results[1].failures if f.column == "amount_q50")
    assert failure.expected["max_value"] < 100 < failure.observed[0]
    assert failure.examples == []
    assert {check.suite for check in Reports(archive).kept()} == {"events-orders", "day-orders"}


def test_the_first_days_are_not_compared(store: FeatureStore, archive: QualitySettings) -> None:
    """The first of all may have begun in the middle; the fifth has three whole days before it."""
    history = history_of(store, "orders", archive, AFTERWARDS)
    names = [{f.name for f in history.figures(FIRST + timedelta(days=n), day_of(n))} for n in (3, 4)]
    assert "events" not in names[0]
    assert {"events", "silent_minutes", "amount_q50"} <= names[1]


def test_chargebacks_refer_to_orders(store: FeatureStore, archive: QualitySettings) -> None:
    """Orders of the day and before; those of later days, and unknown ones, are not known."""
    claims = day_of(10)[:100].select(
        chargeback_id="c_" + pl.col("order_id"),
        order_id="order_id",
        **{c: pl.col(c) for c in ("event_timestamp", "user_id", "product_id", "device_id", "amount", "arrival_timestamp")},
    )  # fmt: skip
    write(archive, 10, claims, "chargebacks")
    history = history_of(store, "chargebacks", archive, AFTERWARDS)
    shares = {
        day: next(f for f in history.figures(FIRST + timedelta(days=day), claims) if f.name == "order_id_unknown_share")
        for day in (9, 10)
    }  # fmt: skip
    assert (shares[9].value, shares[10].value) == (1, 0)
    assert shares[9].maximum is not None
    assert shares[9].maximum < 0.2
