"""Where a topic is continued, and what is archived of it, at one moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from ingestion.stream.archive_index import ArchiveIndex, Listing
from ingestion.stream.archived import Archived
from ingestion.stream.catalogue import KeptTopic
from ingestion.stream.messages import Partition
from ingestion.stream.offsets import Known, Start, starts
from ingestion.stream.positions import of_topic

_ATTEMPTS: Final = 5


class Broker(Protocol):
    """What is asked of Kafka."""

    def committed(self, topics: Iterable[str]) -> dict[Partition, int | None]:
        """Committed offset of every partition of the topics."""

    def bounds(self, places: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset that is still there and offset of the next message."""

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """What the broker calls the topics."""

    def close(self) -> None:
        """Ask no more."""


@dataclass(frozen=True)
class Place:
    """One topic.

    Attributes:
        starts: Where each partition is continued.
        ends: Offset of the next message of each partition.
        listing: What is archived.
        archived: What is archived though no offset says so.
    """

    starts: Mapping[int, Start]
    ends: Mapping[int, int]
    listing: Listing
    archived: Archived

    @property
    def offsets(self) -> dict[int, int]:
        """First offset of each partition that is not archived."""
        return {number: start.offset for number, start in self.starts.items()}

    @property
    def is_anew(self) -> bool:
        """Whether the archive has offsets that the topic does not have yet: of before it was made anew."""
        return any(last >= self.ends.get(number, 0) for number, last in self.listing.last_offsets().items())


def place_of(topic: KeptTopic, broker: Broker, index: ArchiveIndex) -> Place:
    """Ask while another worker may be archiving: what is committed is archived by then, and what is archived was in Kafka."""
    committed = broker.committed([topic.name])
    listing = _settled(index.refresh)
    bounds = broker.bounds(committed)
    last = listing.last_offsets()
    known = {place: Known(*bounds[place], offset, last.get(place[1])) for place, offset in committed.items()}
    where = of_topic(topic.name, starts(known))
    ends = {number: high for number, (_, high) in of_topic(topic.name, bounds).items()}
    skips = {number: ends[number] for number, start in where.items() if start.skips_archived}
    archived = Archived.none()
    if skips and last:
        archived = Archived.read(topic.archive, topic.name, sorted(listing.names), skips)
    return Place(where, ends, listing, archived)


def _settled(refresh: Callable[[], Listing]) -> Listing:
    """Files may be replaced while they are listed."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return refresh()
        except FileNotFoundError:
            continue
    return refresh()
