"""Where each partition is continued at the start: pure decisions over what Kafka and the archive know."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ingestion.stream.messages import Partition


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a partition.

    Attributes:
        low: First offset that Kafka still has.
        high: Offset of the next message to be written.
        committed: Offset behind the last message that was made durable; None where nothing was committed.
        archived: Highest offset in the archive; None where it has no row of the partition.
    """

    low: int
    high: int
    committed: int | None
    archived: int | None


class Reason(Enum):
    """Why a partition is continued where it is."""

    NEW = "nothing was read of it before"
    COMMITTED = "behind the committed offset"
    ARCHIVED = "behind the last archived offset"
    UNCOMMITTED = "no offset is committed: read from the beginning, what is archived already is skipped"
    ARCHIVE_LOST = "the archive is empty though offsets are committed: read from the beginning"
    TOPIC_ANEW = "the topic is shorter than the archive: it was made anew, read from the beginning"


@dataclass(frozen=True, slots=True)
class Start:
    """First offset to read, and why.

    Attributes:
        offset: First offset to read.
        reason: Why there.
        lost: Messages that were neither archived nor are left in Kafka (its retention passed while nobody read).
    """

    offset: int
    reason: Reason
    lost: int = 0

    @property
    def skips_archived(self) -> bool:
        """Whether messages may come up that are in the archive already."""
        return self.reason in (Reason.UNCOMMITTED, Reason.TOPIC_ANEW)


def start_of(known: Known, *, archive_is_empty: bool) -> Start:
    """Where to continue a partition.

    Args:
        known: What Kafka and the archive say.
        archive_is_empty: Whether the archive has no row of any partition of the topic.
    """
    if known.committed is None and known.archived is None:
        return Start(known.low, Reason.NEW)
    if known.committed is None:
        return Start(known.low, Reason.UNCOMMITTED)
    if archive_is_empty:
        return Start(known.low, Reason.ARCHIVE_LOST if known.committed > known.low else Reason.COMMITTED)
    behind_archive = -1 if known.archived is None else known.archived + 1
    wanted = max(known.committed, behind_archive)
    if wanted > known.high:
        return Start(known.low, Reason.TOPIC_ANEW)
    reason = Reason.ARCHIVED if behind_archive > known.committed else Reason.COMMITTED
    return Start(max(wanted, known.low), reason, lost=max(0, known.low - wanted))


def starts(known: Mapping[Partition, Known]) -> dict[Partition, Start]:
    """Where to continue each partition."""
    with_rows = {topic for (topic, _), partition in known.items() if partition.archived is not None}
    return {place: start_of(k, archive_is_empty=place[0] not in with_rows) for place, k in known.items()}
