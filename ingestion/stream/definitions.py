"""Looks at the registry again, beside the stream: which views are new, changed or gone."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace

from ingestion.stream.catalogue import EventTopic
from ingestion.stream.log import say

log = logging.getLogger(__name__)

Read = Callable[[], Sequence[EventTopic] | None]
"""The topics as they are registered now; None while nothing has changed."""


class Refresher:
    """Asks from time to time, in a thread.

    Args:
        read: Reads the registry.
        threads: Where it is read.
        every_seconds: How often.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self, read: Read, threads: Executor, every_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self._read = read
        self._threads = threads
        self._every = every_seconds
        self._monotonic = monotonic
        self._last = monotonic()
        self._asked: Future[Sequence[EventTopic] | None] | None = None

    def step(self) -> Sequence[EventTopic] | None:
        """What was found to have changed, once; returns at once."""
        if self._asked is None:
            if self._monotonic() - self._last >= self._every:
                self._last, self._asked = self._monotonic(), self._threads.submit(self._read)
            return None
        if not self._asked.done():
            return None
        asked, self._asked = self._asked, None
        try:
            return asked.result()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a registry, the stream goes on without it
            say(log, logging.ERROR, "the definitions stay as they were", reason=str(error))
            return None


def brought_up_to_date(
    current: Sequence[EventTopic], registered: Sequence[EventTopic]
) -> tuple[EventTopic, ...]:
    """The topics of a running worker with the views that are registered now; says what else needs a restart."""
    found = {topic.name: topic for topic in registered}
    for name in sorted(found.keys() - {topic.name for topic in current}):
        say(log, logging.WARNING, "a new topic is read after a restart of the worker", topic=name)
    return tuple(_with_views(topic, found.get(topic.name)) for topic in current)


def _with_views(topic: EventTopic, found: EventTopic | None) -> EventTopic:
    if found is None:
        say(log, logging.WARNING, "a removed topic is read until the worker is restarted", topic=topic.name)
        return replace(topic, specs=())
    if found.definition != topic.definition:
        say(
            log,
            logging.WARNING,
            "the events of a topic are defined anew: restart the worker; until then its views stay as they were",
            topic=topic.name,
        )
        return replace(topic, erased=found.erased)
    before = {spec.name: spec.definition_hash() for spec in topic.specs}
    after = {spec.name: spec.definition_hash() for spec in found.specs}
    for view in sorted(before.keys() | after.keys()):
        if before.get(view) != after.get(view):
            what = "new" if view not in before else "gone" if view not in after else "changed"
            say(log, logging.INFO, f"view {what}", view=view, topic=topic.name)
    if found.erased != topic.erased:
        people = len(found.erased.instants_us)
        say(log, logging.INFO, "windows without those who were erased", topic=topic.name, people=people)
    return replace(topic, specs=found.specs, erased=found.erased)
