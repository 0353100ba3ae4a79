"""Where a topic is continued, asked while another worker may be archiving."""

from collections.abc import Iterable
from pathlib import Path

from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.fake_kafka import MemoryBroker
from ingestion.stream.messages import Partition
from ingestion.stream.place import place_of
from tests.unit.ingestion.stream.shop import orders_topic
from tests.unit.ingestion.stream.test_portions import archived


def test_a_lead_that_archives_meanwhile_cannot_mislead(tmp_path: Path) -> None:
    """It archives and commits offset 1 after we asked for commits, and offset 2 comes in: nothing is left out.

    ::

        asked     commits (1)          archive (0, 1)      ends (3)
        lead               archives 1, commits 2     offset 2 is written
    """

    class Busy(MemoryBroker):
        def committed(self, topics: Iterable[str]) -> dict[Partition, int | None]:
            told = super().committed(topics)
            archived(tmp_path, [[1]])
            self.commits["orders", 0] = 2
            return told

    broker = Busy.of("orders", 1)
    for _ in range(3):
        broker.send(("orders", 0), b"", 0)
    broker.commits["orders", 0] = 1
    topic = archived(tmp_path, [[0]])
    place = place_of(topic, broker, ArchiveIndex(topic.archive, "orders"))
    assert (place.offsets, place.listing.last_offsets(), place.ends) == ({0: 2}, {0: 1}, {0: 3})
    assert place.archived.is_empty


def test_a_topic_shorter_than_its_archive_was_made_anew(tmp_path: Path) -> None:
    """Offsets tell its former life from this one no more: arrivals do."""
    broker = MemoryBroker.of("orders", 1)
    broker.send(("orders", 0), b"", 0)
    topic = archived(tmp_path, [[0, 1, 2]])
    place = place_of(topic, broker, ArchiveIndex(topic.archive, "orders"))
    assert (place.is_anew, place.offsets) == (True, {0: 0})
    assert not place.archived.is_empty


def test_a_topic_without_anything(tmp_path: Path) -> None:
    """Begins at its first offset."""
    place = place_of(
        orders_topic(tmp_path),
        MemoryBroker.of("orders", 2),
        ArchiveIndex(orders_topic(tmp_path).archive, "orders"),
    )
    assert (place.offsets, place.is_anew, place.archived.is_empty) == ({0: 0, 1: 0}, False, True)
