"""The page of data quality."""

from dataclasses import replace
from datetime import UTC, date, datetime

from expectations.diagnosis import Diagnosis
from expectations.kept import KeptCheck
from expectations.site.overview import overview
from expectations.site.quality_page import diagnoses, last_days, quality_area

DAYS = last_days(datetime(2026, 1, 30, tzinfo=UTC), 30)
GOOD = KeptCheck(
    "events-orders", "2026-01-20", "2026-01-21T03:04:05+00:00", True, 5_000, 51, 51, 0.5, [], "a/b.html"
)
FAILURE = {
    "expectation": "expect_column_values_to_not_be_null",
    "column": "<b>user_id</b>",
    "expected": {},
    "observed": [None],
    "unexpected_count": 7,
    "examples": [{"order_id": "<script>"}],
    "reason": "contract",
}
BAD = replace(GOOD, success=False, passed=50, failures=[FAILURE])


def test_days_end_with_the_present_one() -> None:
    """As many as asked for."""
    assert (DAYS[0], DAYS[-1], len(DAYS)) == (date(2026, 1, 1), date(2026, 1, 30), 30)


def test_a_check_is_shown_with_its_batch_rows_and_result() -> None:
    """Suite, batch, rows, passed of evaluated, and the link to its page."""
    area = quality_area([GOOD], DAYS)
    assert (area.tone, area.sentence) == ("good", "All 1 checks passed.")
    page = "".join(area.body)
    for text in (
        "2026-01-20",
        "5,000",
        "51 of 51",
        'href="a/b.html"',
        "events-orders, 2026-01-20: 51 of 51 held",
    ):
        assert text in page


def test_failures_are_listed_and_what_they_quote_is_text() -> None:
    """The failing expectation and its example rows are there, and no value becomes markup."""
    area = quality_area([BAD], DAYS)
    assert area.tone == "bad"
    page = "".join(area.body)
    assert "expect_column_values_to_not_be_null(&lt;b&gt;user_id" in page
    assert "7 rows" in page
    assert "<script>" not in page


def test_an_older_failed_batch_is_to_be_looked_at() -> None:
    """The newest batch of its suite held: what is served now is not made of the failed one."""
    area = quality_area([replace(GOOD, batch="2026-01-21"), BAD], DAYS)
    assert area.tone == "look"
    assert "A newer batch of the suite held." in area.problems[0].what


def test_a_batch_that_was_checked_again_is_judged_by_the_later_check() -> None:
    """Mended and checked: nothing is left to look at."""
    area = quality_area([GOOD, BAD], DAYS)
    assert (area.tone, area.problems) == ("good", [])


def test_a_batch_of_many_days_marks_each_of_them() -> None:
    """The share of checks passed is told for the days that it covers."""
    area = quality_area([replace(BAD, batch="2025-12-01_2026-01-02")], DAYS)
    assert area.trend
    assert area.trend.values[:3] == [0.0, 0.0, None]


def test_nothing_checked_is_said() -> None:
    """No empty claim that everything passed."""
    area = quality_area([], DAYS)
    assert area.tone == "unknown"
    assert "Nothing has been checked yet" in area.sentence


def test_a_problem_comes_with_its_diagnosis() -> None:
    """In its own words, told by the expectation, on the list of problems and where its rows are."""
    area = quality_area([BAD], DAYS)
    (problem,) = area.problems
    assert problem.why.startswith("The pipeline is skewed. Events keep their contract")
    assert "Told by events-orders: expect_column_values_to_not_be_null(<b>user_id</b>)." in problem.why
    assert "The pipeline is skewed." in "".join(area.body)
    assert "The pipeline is skewed." in "".join(overview([area]))


def test_the_rows_and_the_day_are_diagnosed_together() -> None:
    """Too many events are a part of the rows that were archived twice; another event type has its own reason."""
    twice = replace(
        BAD, failures=[FAILURE | {"expectation": "expect_compound_columns_to_be_unique", "column": "_offset"}]
    )
    volume = FAILURE | {
        "expectation": "expect_column_values_to_be_between",
        "column": "events",
        "observed": [9_000.0],
    }
    day = replace(BAD, suite="day-orders", failures=[volume])
    other = replace(
        BAD, suite="day-page_views", failures=[volume | {"column": "silent_minutes", "observed": [90.0]}]
    )
    told = diagnoses([twice, day, other])
    assert {suite: one.diagnosis for (suite, _), one in told.items()} == {
        "events-orders": Diagnosis.PIPELINE,
        "day-orders": Diagnosis.PIPELINE,
        "day-page_views": Diagnosis.FRESHNESS,
    }
    assert told["day-orders", "2026-01-20"].by.column == "_offset"
    assert diagnoses([day])["day-orders", "2026-01-20"].diagnosis == Diagnosis.WORLD


def test_what_cannot_be_told_is_not_claimed() -> None:
    """A feature that nothing happened to, or that was not computed: both look like this."""
    empty = FAILURE | {
        "expectation": "expect_column_proportion_of_non_null_values_to_be_between",
        "unexpected_count": None,
    }
    (problem,) = quality_area([replace(BAD, suite="training-fraud_v1", failures=[empty])], DAYS).problems
    assert problem.why == "The batch is not what its definition says: contract."


def test_a_batch_that_was_taken_says_by_whom() -> None:
    """In what is to be looked at, and above its failures."""
    taken = replace(
        BAD, accepted={"by": "ada@desk", "reason": "a <sale>", "time": "2026-01-21T03:04:05+00:00"}
    )
    area = quality_area([taken], DAYS)
    assert "Taken all the same by ada@desk." in area.problems[0].what
    assert "a &lt;sale&gt;" in "".join(area.body)
