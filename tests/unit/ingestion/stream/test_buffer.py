import polars as pl

from ingestion.stream.buffer import Buffer
from ingestion.stream.fakes import ManualClock
from ingestion.stream.messages import by_topic
from tests.unit.ingestion.stream.shop import message

ROWS = pl.DataFrame({"x": [1, 2]})
NONE = ROWS.clear()


def test_a_buffer_is_due_by_rows_or_by_age() -> None:
    """Three rows or five seconds, whichever comes first; an empty one never."""
    clock = ManualClock()
    buffer = Buffer(max_rows=3, max_age_seconds=5, monotonic=clock)
    clock.seconds = 100
    assert not buffer.is_due()
    batch = by_topic([message(0, b"")])[0]
    buffer.add(batch, ROWS)
    clock.seconds += 4.9
    assert not buffer.is_due()
    buffer.add(batch, ROWS)
    assert buffer.is_due()
    buffer.clear()
    buffer.add(batch, ROWS)
    clock.seconds += 5
    assert buffer.is_due()


def test_offsets_of_a_batch_without_rows_are_held_too() -> None:
    """A message that became a dead letter must not be read again."""
    buffer = Buffer(max_rows=3, max_age_seconds=5, monotonic=ManualClock())
    for offset, rows in ((4, ROWS), (5, NONE)):
        buffer.add(by_topic([message(offset, b"")])[0], rows)
    held = buffer.content()
    assert (held.next_offsets, held.rows["orders"].height, len(buffer)) == ({("orders", 0): 6}, 2, 2)
