"""Tells that windows were computed without those who were erased, and that the online store has all of their rows."""

import logging
from collections.abc import Iterable, Mapping

from ingestion.erasures.kept import Erasures
from ingestion.stream.catalogue import EventTopic, knows_of_erasures
from ingestion.stream.group import UnitState
from ingestion.stream.log import say
from ingestion.stream.units import Unit

log = logging.getLogger(__name__)


class Acknowledging:
    """Acknowledges each unit once.

    Args:
        erasures: Where to.
        group: Name of the consumer group.
    """

    def __init__(self, erasures: Erasures, group: str) -> None:
        self._erasures = erasures
        self._group = group
        self._told: set[Unit] = set()

    def step(self, units: Mapping[Unit, UnitState]) -> None:
        """Look at the units that go with the stream while no snapshot of windows of before is on its way."""
        self._told &= units.keys()
        for unit, state in units.items():
            is_pushed = bool(state.pushed_to) and not state.executor.waiting
            if knows_of_erasures(unit.definition) and unit not in self._told and is_pushed:
                self._tell(unit)

    def _tell(self, unit: Unit) -> None:
        try:
            self._erasures.acknowledge(name_of(self._group, unit))
        except OSError as error:
            say(log, logging.ERROR, "an erasure is not acknowledged: once more", reason=str(error))
            return
        self._told.add(unit)
        say(log, logging.INFO, "without those who were erased", view=unit.view, share=unit.share)


def name_of(group: str, unit: Unit) -> str:
    """What is acknowledged; the name of a file."""
    return f"{group}~{unit.view}~{unit.share}~{unit.shares}~{unit.definition}"


def missing(acknowledged: Iterable[str], group: str, topics: Iterable[EventTopic]) -> list[str]:
    """Views of which not all shares are acknowledged as they are defined now.

    Args:
        acknowledged: What is.
        group: Name of the consumer group.
        topics: What it serves; of those whose events name nobody nothing is expected.
    """
    found: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for name in acknowledged:
        theirs, view, share, shares, definition = name.split("~", 4)
        if theirs == group:
            found.setdefault((view, definition), set()).add((int(share), int(shares)))
    wanted = [(spec.name, topic.definition_of(spec)) for topic in topics for spec in topic.specs]
    return [
        view
        for view, told in wanted
        if knows_of_erasures(told) and not _is_whole(found.get((view, told), set()))
    ]


def _is_whole(shares: set[tuple[int, int]]) -> bool:
    return any({(share, count) for share in range(count)} <= shares for _, count in shares)
