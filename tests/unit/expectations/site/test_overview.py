"""The first page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from expectations.site.area import Area, Problem, Trend, as_of
from expectations.site.overview import overview, verdict

NOW = datetime(2026, 5, 31, tzinfo=UTC)
GOOD = Area("Parity", "parity.html", "good", "100.000%", "All equal.", Trend("equal, 30 days", [1, None, 1]))
BAD = replace(
    GOOD,
    title="Drift",
    page="drift.html",
    tone="bad",
    trend=None,
    problems=[Problem(NOW, "amount: distribution", "The world changed.", "train again", "bad")],
)
UNKNOWN = replace(GOOD, title="Freshness", tone="unknown", trend=None)


def test_everything_good_is_a_yes() -> None:
    """And there is nothing to look at."""
    assert verdict([GOOD]) == ("good", "Yes: every area is good.")
    assert "Nothing asks to be looked at." in "".join(overview([GOOD]))


def test_one_failed_area_is_a_no_that_names_it() -> None:
    """What is not known is named, too."""
    tone, answer = verdict([GOOD, BAD, UNKNOWN])
    assert tone == "bad"
    assert answer == "No, not all that is served can be trusted. Failed: drift. Not known: freshness."


def test_what_is_not_known_is_no_yes() -> None:
    """An area that was not measured is said."""
    assert verdict([GOOD, UNKNOWN])[1] == "Not known for freshness; all else is good."
    assert verdict([UNKNOWN])[1] == "Not known: nothing has been measured lately."


def test_problems_come_with_their_diagnosis_and_what_to_do() -> None:
    """And the page that has more."""
    page = "".join(overview([GOOD, BAD]))
    for text in ("amount: distribution", "The world changed.", "Next: train again", 'href="drift.html"'):
        assert text in page


def test_a_good_verdict_grows_old() -> None:
    """A bad one stays."""
    old, stale = NOW - timedelta(days=3), timedelta(days=2)
    assert as_of("good", NOW, NOW, stale) == ("good", "")
    assert as_of("good", old, NOW, stale) == ("unknown", " Measured 72 hours ago.")
    assert as_of("bad", old, NOW, stale)[0] == "bad"
