"""Which units a worker shall keep, and how each of them comes to go with the stream. Thin edge between group and pipeline."""

import logging
from collections.abc import Callable, Mapping, Sequence

from ingestion.stream.background import Job
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.definitions import brought_up_to_date
from ingestion.stream.errors import KafkaUnreachableError
from ingestion.stream.group import StateGroup
from ingestion.stream.joining import Joining
from ingestion.stream.lead import Lead
from ingestion.stream.log import say
from ingestion.stream.messages import Partition
from ingestion.stream.offsets import Start
from ingestion.stream.pipeline import Pipeline
from ingestion.stream.positions import of_topic, reaches
from ingestion.stream.recovery import Recovered, Wanted
from ingestion.stream.units import LEAD_PART, Unit, Work, units_of

log = logging.getLogger(__name__)


class Holdings:
    """What follows from the parts held and from the definitions.

    Attributes:
        topics: What is served.
        works: The units that this worker shall keep.
        events_folded: How many events were taken from archives so far.

    Args:
        topics: What is served at the start.
        shares: Into how many shares each view is divided.
        consumer: Its place in the group.
        pipeline: Where units go with the stream.
        recover: Begins to bring units up to date.
        new_lead: Makes a lead of what was found out for it.
        adopt: Told of each view whose rows have the newest definition from now on.
    """

    def __init__(
        self,
        topics: Sequence[EventTopic],
        shares: int,
        *,
        consumer: EventConsumer,
        pipeline: Pipeline,
        recover: Callable[[Wanted], Job[Wanted, Recovered]],
        new_lead: Callable[[Recovered], Lead],
        adopt: Callable[[str], None],
    ) -> None:
        self.topics = tuple(topics)
        self.works: dict[Unit, Work] = {}
        self.events_folded = 0
        self._shares = shares
        self._consumer = consumer
        self._pipeline = pipeline
        self._recover = recover
        self._new_lead = new_lead
        self._adopt = adopt
        self._changes = -1
        self._job: Job[Wanted, Recovered] | None = None
        self._joining: list[Joining] = []

    @property
    def is_live(self) -> bool:
        """Whether there is something to read for."""
        return self._pipeline.lead is not None or bool(self._pipeline.units) or bool(self._joining)

    @property
    def is_joining(self) -> bool:
        """Whether units catch up with the stream."""
        return bool(self._joining)

    @property
    def is_charged(self) -> bool:
        """Whether there is something to do, at once or once it is recovered."""
        return bool(self.works) or self._consumer.term > 0

    @property
    def shares(self) -> set[tuple[str, str, str]]:
        """View, share and number of shares of everything that is served, by whomever."""
        views = [spec.name for topic in self.topics for spec in topic.specs]
        return {(view, str(share), str(self._shares)) for view in views for share in range(self._shares)}

    def follow(self, registered: Sequence[EventTopic] | None) -> None:
        """Let go of what is no longer ours or no longer defined.

        Args:
            registered: The definitions, when they have changed.
        """
        if registered is not None:
            self.topics = brought_up_to_date(self.topics, registered)
        if registered is None and self._changes == self._consumer.changes:
            return
        self._changes = self._consumer.changes
        self.works = units_of(self.topics, self._shares, self._consumer.parts)
        self.forget(lambda unit: unit not in self.works and not any(u.replaces(unit) for u in self.works))
        if not self._consumer.term:
            needed = {work.topic.name for work in self.works.values()} | self._pipeline.topics
            self._consumer.leave({topic.name for topic in self.topics} - needed)

    def missing(self) -> Wanted | None:
        """What is ours and not there, unless something is being recovered."""
        if self._job is not None:
            return None
        lead, term = self._pipeline.lead, self._consumer.term
        there = self._pipeline.units.keys() | {u for joining in self._joining for u in joining.group.units}
        units = {unit: work for unit, work in self.works.items() if unit not in there}
        wanted = Wanted(units, 0 if lead is not None and lead.term == term else term, self.topics)
        return wanted if wanted.units or wanted.term else None

    def recover(self, wanted: Wanted) -> None:
        """Begin to bring it up to date, beside the stream."""
        self._job = self._recover(wanted)

    def take_recovered(self) -> bool:
        """Go on with what has been recovered; whether there was something.

        Raises:
            KafkaUnreachableError: Kafka does not answer, at the start.
        """
        if self._job is None or not self._job.is_done:
            return False
        job, self._job = self._job, None
        try:
            self._go_on_with(job.result())
        except FileNotFoundError as error:
            say(log, logging.WARNING, "the archive was rearranged meanwhile: once more", reason=str(error))
            return False
        except KafkaUnreachableError as error:
            if not self.is_live:
                raise
            say(log, logging.WARNING, "units cannot be recovered: once more", reason=str(error))
            return False
        return True

    def close_gaps(self, most: int) -> None:
        """Take at most so many messages into each of the groups that catch up."""
        for joining in list(self._joining):
            if joining.step(most, self._consumer.positions):
                self._end(joining)
                self._add(joining.group)

    def forget(self, is_lost: Callable[[Unit], bool]) -> None:
        """Drop units, wherever they are."""
        self._pipeline.drop(is_lost)
        for joining in list(self._joining):
            joining.group.drop(is_lost)
            if not joining.group.units:
                self._end(joining)

    def lose(self, gone: frozenset[int]) -> None:
        """Drop what belongs to these parts."""
        self.forget(lambda unit: unit.part in gone)
        if LEAD_PART in gone:
            self._pipeline.lead = None

    def close(self) -> None:
        """Drop everything; returns once nothing is being recovered any more."""
        self.forget(lambda _: True)
        self._pipeline.lead = None
        if self._job is not None:
            self._job.cancel()

    def _go_on_with(self, recovered: Recovered) -> None:
        """Let the units go with the stream that are still ours, and lead, if the term still lasts."""
        consumer, term = self._consumer, recovered.wanted.term
        leads = term > 0 and term == consumer.term
        for group in recovered.groups:
            group.drop(lambda unit: unit not in self.works)
        groups = [group for group in recovered.groups if group.units]
        if begin := beginnings(consumer.positions, recovered.starts if leads else {}, groups):
            consumer.begin(begin)
        if leads:
            tell(recovered.starts)
            self._pipeline.lead = self._new_lead(recovered)
        for group in groups:
            if reaches(group.positions, of_topic(group.topic.name, consumer.positions)):
                self._add(group)
            else:
                self._joining.append(Joining(group, consumer))
        self.events_folded += recovered.events

    def _add(self, group: StateGroup) -> None:
        for unit in group.units:
            self._adopt(unit.view)
            say(log, logging.INFO, "serving", view=unit.view, share=unit.share, part=unit.part)
        self._pipeline.add(group)

    def _end(self, joining: Joining) -> None:
        joining.close()
        self._joining.remove(joining)


def beginnings(
    positions: Mapping[Partition, int], starts: Mapping[Partition, Start], groups: Sequence[StateGroup]
) -> dict[Partition, int]:
    """Where reading begins of partitions that are not read yet, and of those that are read too far on for the lead.

    Args:
        positions: Where the partitions stand that are being read.
        starts: Where the lead has to begin.
        groups: Units; those over topics that are being read catch up in another way.
    """
    begin = {
        place: start.offset
        for place, start in starts.items()
        if place not in positions or positions[place] > start.offset
    }
    for group in groups:
        for number, offset in group.positions.items():
            place = (group.topic.name, number)
            if place not in positions:
                begin[place] = min(offset, begin.get(place, offset))
    return begin


def tell(starts: Mapping[Partition, Start]) -> None:
    """Log where the lead begins, and what nobody has read in time."""
    for (topic, partition), start in sorted(starts.items()):
        fields = {"topic": topic, "partition": partition, "offset": start.offset, "why": start.reason.value}
        if start.lost:
            what = "messages expired in Kafka before they were read"
            say(log, logging.ERROR, what, lost=start.lost, **fields)
        else:
            say(log, logging.INFO, "reading", **fields)
