"""What became of the predictions that clients were answered: counted by the API, kept by the archive."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from infra.answers import OK, Answer

LAST_SECONDS = 1.0
"""What a worker answered so shortly before it was killed may not have reached Kafka yet."""


@dataclass(frozen=True)
class Ledger:
    """Predictions by request id.

    Attributes:
        lost: Answered, not archived, and by no worker that was killed just then.
        lost_with_a_worker: Answered, not archived, within the last second before a worker was killed.
        twice: Archived more than once, though asked once.
        missing: How many fewer are archived than were acknowledged.
    """

    lost: Collection[str]
    lost_with_a_worker: Collection[str]
    twice: Collection[str]
    missing: int

    @classmethod
    def of(
        cls, name: str, answers: Iterable[Answer], archived: Sequence[str], acknowledged: int, killed: float
    ) -> Self:
        """Compare.

        Args:
            name: Requests are called `<name>-<n>`.
            answers: What clients were told.
            archived: Request ids of all rows of the archive, those of others too.
            acknowledged: Predictions that the API says Kafka has.
            killed: When a worker was killed, by `time.monotonic`.
        """
        rows, answers = Counter(archived), list(answers)
        absent = [a for a in answers if a.status == OK and f"{name}-{a.number}" not in rows]
        excused = [a for a in absent if killed - LAST_SECONDS <= a.due < killed]
        asked_again = {f"{name}-{a.number}" for a in answers if a.broken}
        return cls(
            lost=_names(name, (a for a in absent if a not in excused)),
            lost_with_a_worker=_names(name, excused),
            twice={request for request, times in rows.items() if times > 1} - asked_again,
            missing=max(0, acknowledged - len(rows)),
        )


def _names(name: str, answers: Iterable[Answer]) -> list[str]:
    return [f"{name}-{answer.number}" for answer in answers]
