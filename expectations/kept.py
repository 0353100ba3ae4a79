"""The record of one check: what stays of it when the batch and Great Expectations are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeptCheck:
    """One check as the summary shows it.

    Attributes:
        suite: Name of the suite.
        batch: Which batch was checked: a day, or the time of a gate's decision.
        time: When, ISO 8601, UTC.
        success: Whether every expectation held.
        rows: Rows of the batch.
        evaluated: Expectations in the suite.
        passed: Expectations that held.
        seconds: How long the check took.
        failures: The fields of each `Failure`.
        page: The check in the Data Docs, relative to the reports' folder.
    """

    suite: str
    batch: str
    time: str
    success: bool
    rows: int
    evaluated: int
    passed: int
    seconds: float
    failures: Sequence[Mapping[str, Any]]
    page: str
