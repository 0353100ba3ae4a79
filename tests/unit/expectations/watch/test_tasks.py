"""What tasks look at, and what they make of it."""

from datetime import UTC, date, datetime, timedelta

from expectations.days import Partition
from expectations.diagnosis import Diagnosis
from expectations.kept import KeptCheck
from expectations.watch.tasks.checks import due_days
from expectations.watch.tasks.drift import newest_alarms
from tests.kept_reports import DAYS, NOW, drift_day, performance_day

TODAY = date(2026, 5, 3)
SETTLING = timedelta(minutes=10)


def days(event: str, *ages: int) -> list[Partition]:
    return [Partition(event, day, day, ()) for day in (TODAY - timedelta(days=age) for age in ages)]


def checked(event: str, age: int, at: datetime) -> KeptCheck:
    batch = f"{TODAY - timedelta(days=age)}"
    return KeptCheck(f"events-{event}", batch, at.isoformat(), True, 1, 1, 1, 0.1, [], "")


def test_the_newest_two_days_of_each_event_type_are_checked() -> None:
    """Those of a type that stopped last week, too."""
    archived = days("orders", 3, 2, 1, 0) + days("page_views", 9, 8)
    assert due_days(archived, [], SETTLING) == days("orders", 1, 0) + days("page_views", 9, 8)


def test_a_day_that_was_checked_when_it_was_over_is_not_checked_again() -> None:
    """Of several checks the newest counts; a few minutes after midnight its last events are still on their way.

    yesterday    checked 18:00                            due
    midnight                   checked 00:09              due
                                              00:10       not due any more
    """
    archived, midnight = days("orders", 1, 0), datetime(2026, 5, 3, tzinfo=UTC)
    early = [checked("orders", 1, midnight + timedelta(minutes=9)), checked("orders", 1, midnight)]
    assert due_days(archived, early, SETTLING) == archived
    late = [checked("orders", 1, midnight + SETTLING), *early]
    assert due_days(archived, late, SETTLING) == days("orders", 0)
    assert due_days(archived, [checked("page_views", 1, midnight + SETTLING)], SETTLING) == archived


def test_alarms_are_those_of_the_newest_day_and_the_newest_labels() -> None:
    """In the kept reports the newest day has one of the world and one of the pipeline, the newest labels one of the world."""
    import numpy as np

    chance = np.random.default_rng(7)
    looked = [drift_day(NOW.date() - timedelta(days=age), chance, NOW) for age in (3, 1, 0)]
    labels = [performance_day(NOW.date() - timedelta(days=age), chance) for age in (DAYS, 8)]
    assert newest_alarms(looked, labels) == {Diagnosis.WORLD: 2, Diagnosis.PIPELINE: 1}
    assert newest_alarms(looked[:1], labels[:1]) == {Diagnosis.WORLD: 1}
    assert newest_alarms([], labels[:1]) == {}
