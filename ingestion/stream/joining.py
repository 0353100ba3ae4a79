"""Units that catch up with the stream: what lies between them and the others is read beside the group, in portions."""

from collections.abc import Mapping

from ingestion.stream.consumer import EventConsumer
from ingestion.stream.decoding import decode
from ingestion.stream.group import StateGroup
from ingestion.stream.messages import Partition, by_topic
from ingestion.stream.positions import later, of_topic, reaches


class Joining:
    """A group on its way to where the stream is read.

    Attributes:
        group: The units.

    Args:
        group: Units at some positions.
        consumer: Reads the stream.
    """

    def __init__(self, group: StateGroup, consumer: EventConsumer) -> None:
        self.group = group
        # All partitions: the stream goes on meanwhile, also where it is not ahead yet.
        starts = {(group.topic.name, number): offset for number, offset in group.positions.items()}
        self._reader = consumer.side(starts)

    def step(self, most: int, live: Mapping[Partition, int]) -> bool:
        """Take in at most so many messages; whether the stream has been reached.

        Args:
            most: How many.
            live: Offset behind the last message that the stream has passed, of each partition.
        """
        topic = self.group.topic
        for batch in by_topic(self._reader.read(most, 0.0)):
            rows = decode(batch, topic.contract).rows
            self.group.take_in(rows, of_topic(topic.name, batch.next_offsets()), waits=True)
        # Behind the last message of a partition there may be offsets without one.
        ends = of_topic(topic.name, self._reader.ends)
        self.group.positions = later(self.group.positions, ends)
        return reaches(self.group.positions, of_topic(topic.name, live))

    def close(self) -> None:
        """Read no more."""
        self._reader.close()
