import pytest

from ingestion.stream.offsets import Known, Reason, start_of, starts


def known(
    *, low: int = 0, high: int = 100, committed: int | None = None, archived: int | None = None
) -> Known:
    return Known(low, high, committed, archived)


@pytest.mark.parametrize(
    ("partition", "empty", "offset", "reason"),
    [
        (known(low=3), True, 3, Reason.NEW),
        (known(committed=20, archived=19), False, 20, Reason.COMMITTED),
        # killed between the archive file and the commit
        (known(committed=20, archived=29), False, 30, Reason.ARCHIVED),
        # the tail was all dead letters
        (known(committed=20, archived=14), False, 20, Reason.COMMITTED),
        (known(committed=20), False, 20, Reason.COMMITTED),
        # the very first file was written and nothing committed, or the commits expired
        (known(low=2, archived=29), False, 2, Reason.UNCOMMITTED),
        (known(low=2, committed=20), True, 2, Reason.ARCHIVE_LOST),
        (known(low=20, committed=20), True, 20, Reason.COMMITTED),
        (known(high=5, committed=3, archived=29), False, 0, Reason.TOPIC_ANEW),
    ],
)
def test_where_a_partition_is_continued(partition: Known, empty: bool, offset: int, reason: Reason) -> None:
    """Behind what is durable, never ahead of it."""
    start = start_of(partition, archive_is_empty=empty)
    assert (start.offset, start.reason, start.lost) == (offset, reason, 0)


def test_messages_that_expired_unread_are_counted() -> None:
    """Committed 20, Kafka begins at 50: thirty are lost."""
    start = start_of(known(low=50, committed=20, archived=19), archive_is_empty=False)
    assert (start.offset, start.lost) == (50, 30)


def test_a_topic_s_archive_is_lost_only_when_no_partition_has_a_row() -> None:
    """A partition without rows beside one that has some held only dead letters."""
    where = starts(
        {("t", 0): known(committed=9, archived=8), ("t", 1): known(committed=4), ("u", 0): known(committed=4)}
    )
    assert {place: start.offset for place, start in where.items()} == {("t", 0): 9, ("t", 1): 4, ("u", 0): 0}
