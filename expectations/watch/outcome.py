"""What came of a task: what its process hands to the watch, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from expectations.diagnosis import Diagnosis
from expectations.freshness.record import FreshnessRun
from expectations.parity.record import ParityRun


@dataclass(frozen=True)
class Outcome:
    """One of the attributes is set.

    Attributes:
        parity: A measurement.
        freshness: A measurement.
        checks: By suite, whether all batches held that were checked.
        alarms: Of drift on the newest day that was looked at, and of the newest labels, by diagnosis.
        nothing: Why there was nothing to look at.
        failed: Why the task could not be done.
    """

    parity: ParityRun | None = None
    freshness: FreshnessRun | None = None
    checks: Mapping[str, bool] | None = None
    alarms: Mapping[Diagnosis, int] | None = None
    nothing: str = ""
    failed: str = ""
