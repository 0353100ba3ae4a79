"""Requests drawn from the OpenAPI document, good and bad ones, and the answers held against it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

import httpx
import schemathesis
from hypothesis import strategies as st
from schemathesis import engine
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import CheckNode

from serving.requests import EARLIEST_TIME
from tests.api_process import wait_until

SHARES = {
    "POST /predict": 0.4,
    "POST /predict/batch": 0.2,
    "GET /recommendations/{user_id}": 0.35,
    "GET /erasures/{receipt}": 0.05,
    "DELETE /users/{user_id}": 0.05,
}
"""Of the examples; routes without parameters have as many as there are ways to ask them."""


@dataclass
class Examined:
    """What became of the requests of a run.

    Attributes:
        examples: Requests that were drawn.
        statuses: Answers by status.
        checks: How often each check was made.
        violations: Check, request and what is wrong, one text for each failure.
    """

    examples: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def server_errors(self) -> int:
        """Answers with a status of 500 or more."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def add(self, scenario: ScenarioFinished) -> None:
        """Count what one operation was asked."""
        recorder = scenario.recorder
        self.examples += sum(case.parent_id is None for case in recorder.cases.values())
        self.statuses.update(
            one.response.status_code for one in recorder.interactions.values() if one.response is not None
        )
        for checks in recorder.checks.values():
            self.checks.update(check.name for check in checks)
            self.violations += [_told(recorder.label, check) for check in checks if check.failure_info]


def examined(
    url: str,
    *,
    examples: int,
    seed: int,
    headers: Mapping[str, str] | None = None,
    told: Callable[[Examined], None] = lambda _: None,
) -> Examined:
    """Ask an API so many examples and a few more, with every check that Schemathesis has.

    Args:
        url: Where it listens; it has a broker.
        examples: How many are drawn, good and bad ones; those that a document gives and its bounds come on top.
        seed: The same seed draws the same.
        headers: Of every request, such as those that say who asks.
        told: Called after each operation.
    """
    _wait_for_receipts(url, headers)
    schemathesis.openapi.format("date-time", _times())
    document = schemathesis.openapi.from_url(
        f"{url}/openapi.json", config=_configuration(examples, seed, headers)
    )
    found = Examined()
    for event in engine.from_schema(document).execute():
        if isinstance(event, NonFatalError):
            found.violations.append(f"{event.label}: {event.info.format()}")
        elif isinstance(event, ScenarioFinished):
            found.add(event)
            told(found)
    return found


def _wait_for_receipts(url: str, headers: Mapping[str, str] | None) -> None:
    """Just started, the API answers 503 to whoever asks for one, as it should."""

    def read() -> bool:
        return httpx.get(f"{url}/erasures/none", headers=headers, timeout=10).status_code == 404

    wait_until(read, "the receipts of erasures are read")


def _configuration(examples: int, seed: int, headers: Mapping[str, str] | None) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "headers": dict(headers or {}),
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "cache": {"enabled": False},
            "generation": {"mode": "all", "database": "none", "no-shrink": True},
            "phases": {"stateful": {"enabled": False}},
            "operations": [
                {"include-name": name, "generation": {"max-examples": ceil(share * examples)}}
                for name, share in SHARES.items()
            ],
        }
    )


def _times() -> st.SearchStrategy[str]:
    """Times that an order may have: that they end an hour from now is beyond what a schema can say."""
    earliest, latest = EARLIEST_TIME.replace(tzinfo=None), datetime.now(UTC).replace(tzinfo=None)
    offsets = st.sampled_from(["Z", "+00:00", "-00:00"])
    return st.builds(
        lambda time, offset: f"{time.isoformat(timespec='seconds')}{offset}",
        st.datetimes(earliest, latest + timedelta(minutes=30)),
        offsets,
    )


def _told(label: str, check: CheckNode) -> str:
    assert check.failure_info is not None
    failure, sample = check.failure_info.failure, check.failure_info.code_sample
    return f"{label}: {check.name}: {failure.title}: {failure.message}\n{sample}"
