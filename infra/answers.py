"""What came back from a load, request by request, and what it comes to."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

OK: Final = "200"
LIVE: Final = "live"
_DEGRADED: Final = re.compile(rb'"degraded": ?(?:"(\w+)"|null)')


class Answer(NamedTuple):
    """What became of one request.

    Attributes:
        number: Of the request, from 0 on.
        due: When it was to be sent, by `time.monotonic`, which all processes of a machine share.
        late_ms: How much later than that it was sent: the delay of the load itself.
        latency_ms: From `due` to the last byte of the answer, or until it was given up.
        status: Of HTTP, or the name of the error.
        retry_after: Whether it says when to ask again, as load shedding does.
        rung: Where features came from, `live` as a rule; None where the answer does not say.
        broken: Kept connections that broke under it; it was sent again on another.
    """

    number: int
    due: float
    late_ms: float
    latency_ms: float
    status: str
    retry_after: bool
    rung: str | None
    broken: int


@dataclass(frozen=True)
class LoadResult:
    """What a run of requests came to; latencies in milliseconds from the intended start."""

    requests: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        """Requests without a 200."""
        return sum(count for status, count in self.statuses.items() if status != OK)


@dataclass
class Answers:
    """Answers in the order in which they came.

    Attributes:
        answers: One a request.
        seconds: Time of the whole run.
    """

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.answers)

    def __add__(self, other: "Answers") -> "Answers":
        return Answers(self.answers + other.answers, self.seconds + other.seconds)

    def within(self, begin: float, end: float) -> "Answers":
        """Those to requests due in [begin, end) of `time.monotonic`."""
        return self.where(lambda answer: begin <= answer.due < end, end - begin)

    def where(self, true: Callable[[Answer], bool], seconds: float | None = None) -> "Answers":
        """Those of which it is true, of so much time (by default all of it)."""
        kept = [answer for answer in self.answers if true(answer)]
        return Answers(kept, self.seconds if seconds is None else seconds)

    @property
    def statuses(self) -> Counter[str]:
        """How often each."""
        return Counter(answer.status for answer in self.answers)

    @property
    def rungs(self) -> Counter[str | None]:
        """How often each."""
        return Counter(answer.rung for answer in self.answers)

    @property
    def failed(self) -> int:
        """Requests without a 200."""
        return sum(answer.status != OK for answer in self.answers)

    @property
    def server_errors(self) -> int:
        """Answers of 500 and above that are no load shedding (503 that says when to ask again)."""
        return sum(a.status[:1] == "5" and not (a.status == "503" and a.retry_after) for a in self.answers)

    @property
    def unanswered(self) -> int:
        """Requests without any answer."""
        return sum(not answer.status.isdecimal() for answer in self.answers)

    @property
    def broken(self) -> int:
        """Kept connections that broke under a request."""
        return sum(answer.broken for answer in self.answers)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.answers) / self.seconds

    def latency_ms(self, share: float) -> float:
        """Percentile of the latencies; `share` in [0, 1], 1 is the longest. NaN without answers."""
        return _percentile([answer.latency_ms for answer in self.answers], share)

    def late_ms(self, share: float) -> float:
        """Percentile of the load's own delays."""
        return _percentile([answer.late_ms for answer in self.answers], share)

    def result(self) -> LoadResult:
        """All of it in a few figures."""
        p50, p99, longest = (self.latency_ms(share) for share in (0.5, 0.99, 1))
        late = self.late_ms(0.99)
        return LoadResult(len(self), self.seconds, dict(self.statuses), p50, p99, longest, late)


def rung_of(content: bytes) -> str | None:
    """Where the features of an answer came from; None where it does not say."""
    said = _DEGRADED.search(content)
    if said is None:
        return None
    return said.group(1).decode() if said.group(1) else LIVE


def _percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return float(np.quantile(values, share, method="inverted_cdf")) if values else float("nan")
