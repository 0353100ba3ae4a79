"""The summary page."""

from dataclasses import replace
from datetime import UTC, datetime

from expectations.kept import KeptCheck
from expectations.summary import summary_page

BUILT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = KeptCheck(
    "events-orders", "2026-01-01", "2026-01-02T03:04:05+00:00", True, 5_000, 51, 51, 0.5, [], "a/b.html"
)
BAD = replace(
    GOOD,
    success=False,
    passed=50,
    failures=[
        {
            "expectation": "expect_column_values_to_not_be_null",
            "column": "<b>user_id</b>",
            "expected": {},
            "observed": [None],
            "unexpected_count": 7,
            "examples": [{"order_id": "<script>"}],
            "reason": "contract",
        }
    ],
)


def test_a_check_is_shown_with_its_batch_rows_and_result() -> None:
    """Suite, batch, rows, passed of evaluated, and the link to its page."""
    page = summary_page([GOOD], BUILT)
    for text in (
        "All 1 checks passed",
        "2026-01-01",
        "5,000",
        "51 of 51",
        'href="a/b.html"',
        "width=device-width",
    ):
        assert text in page


def test_failures_are_listed_and_what_they_quote_is_text() -> None:
    """The failing expectation and its example rows are there, and no value becomes markup."""
    page = summary_page([GOOD, BAD], BUILT)
    assert "1 of 2 checks failed" in page
    assert "expect_column_values_to_not_be_null(&lt;b&gt;user_id" in page
    assert "7 rows" in page
    assert "<script>" not in page


def test_nothing_checked_is_said() -> None:
    """No empty claim that everything passed."""
    assert "Nothing has been checked yet" in summary_page([], BUILT)
