from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from expectations.drift.comparing import compare, exceeded
from expectations.drift.record import SCORE, Compared
from expectations.drift.reference import Reference, as_looked_at
from expectations.drift.subjects import Subject
from expectations.settings import QualitySettings

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
SUBJECTS = (
    Subject("amount", None, "Float64", None, None),
    Subject("category", "product_catalogue", "String", ("books", "toys"), None),
    Subject("weekend", None, "Int64", None, None),
    Subject("orders_30d", "user_orders", "Int64", None, MONDAY + WEEK),
)
SETTINGS = QualitySettings()


def _rows(start: datetime, days: int, seed: int, each: int = 600, **changed: object) -> pl.DataFrame:
    """So many orders a day; on weekends amounts are twice as high; until a week has passed, counts grow."""
    chance = Random(seed)

    def rows() -> Iterator[dict[str, object]]:
        for i in range(days * each):
            time = start + timedelta(days=i / each)
            weekend = time.weekday() >= 5
            yield {
                "event_timestamp": time,
                "amount": chance.lognormvariate(3, 1) * (1 + weekend),
                "category": chance.choice(["books", "toys"]),
                "weekend": int(weekend),
                "orders_30d": min(7, (time - MONDAY).days) * 3 + chance.randrange(3),
                SCORE: chance.random(),
                **{name: make(time, chance) if callable(make) else make for name, make in changed.items()},
            }

    return pl.DataFrame(list(rows()), infer_schema_length=None)


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Three weeks from a Monday on."""
    rows = _rows(MONDAY, 21, seed=1).rename({SCORE: "__score"})
    return Reference.of(rows, SUBJECTS, least=SETTINGS.drift_reference_rows_min)


def _compared(reference: Reference, rows: pl.DataFrame) -> dict[str, Compared]:
    current = as_looked_at(rows, reference.subjects)
    return {one.subject: one for one in compare(reference, current, rows_min=200)}


def _beyond(reference: Reference, rows: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    found = _compared(reference, rows)
    return {name: beyond for name, one in found.items() if (beyond := exceeded(one, SETTINGS))}


@pytest.mark.parametrize("day", range(7))
def test_a_usual_day_is_no_alarm_whatever_the_weekday(reference: Reference, day: int) -> None:
    """A Sunday is held against Sundays, and windows against those that were full."""
    assert _beyond(reference, _rows(MONDAY + 3 * WEEK + timedelta(days=day), 1, seed=2)) == {}


def test_amounts_that_doubled_are_an_alarm_of_amounts_alone(reference: Reference) -> None:
    """Nothing else changed."""
    rows = _rows(MONDAY + 3 * WEEK, 1, seed=2, amount=lambda _, chance: 3 * chance.lognormvariate(3, 1))
    assert _beyond(reference, rows) == {"amount": ("distribution",)}


def test_a_large_sample_does_not_alarm_on_trifles(reference: Reference) -> None:
    """Two hundredths of a standard deviation are sure with enough rows, and do not matter."""
    rows = _rows(MONDAY + 3 * WEEK, 1, seed=2, each=60_000, amount=lambda _, c: c.lognormvariate(3.1, 1))
    found = _compared(reference, rows)["amount"]
    assert found.p_adjusted is not None
    assert found.p_adjusted < SETTINGS.drift_level
    assert exceeded(found, SETTINGS) == ()


def test_nulls_and_unknown_categories_are_alarms(reference: Reference) -> None:
    """In one row of ten; the unknown ones are named."""
    rows = _rows(
        MONDAY + 3 * WEEK,
        1,
        seed=2,
        amount=lambda _, c: None if c.random() < 0.1 else c.lognormvariate(3, 1),
        category=lambda _, c: "garden" if c.random() < 0.1 else c.choice(["books", "toys"]),
    )
    assert _beyond(reference, rows) == {"amount": ("missing",), "category": ("new_categories",)}
    assert _compared(reference, rows)["category"].new_names == ("garden",)


def test_filling_windows_are_not_judged(reference: Reference) -> None:
    """With the reason, and no figures."""
    early = _compared(reference, _rows(MONDAY + timedelta(days=2), 1, seed=2))
    assert early["orders_30d"].skipped == "the archive holds all of its windows from 2026-05-11 00:00 UTC on"
    assert early["orders_30d"].psi is None
    assert early["amount"].skipped == ""


def test_the_score_is_held_against_scores_of_rows_the_model_did_not_see(reference: Reference) -> None:
    """Rows without one are left out."""
    rows = _rows(MONDAY, 21, seed=1).with_columns(
        pl.when(pl.col("event_timestamp") >= MONDAY + 2 * WEEK).then(SCORE).alias("__score")
    )
    half = Reference.of(rows.drop(SCORE), SUBJECTS, least=500)
    found = _compared(half, _rows(MONDAY + 3 * WEEK, 1, seed=2))
    assert found[SCORE].reference_rows == 600
    assert found["amount"].reference_rows == 1_800
