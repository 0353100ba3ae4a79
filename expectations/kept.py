"""The record of one check: what stays of it when the batch and Great Expectations are gone."""

import getpass
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Acceptance:
    """Somebody took a batch although it broke its suite.

    Attributes:
        by: Name of the account, and of the machine.
        reason: Why, in their words.
        time: When, ISO 8601, UTC.
    """

    by: str
    reason: str
    time: str


def whoami() -> str:
    """Name of the account, and of the machine; the account's number where it has no name, as in a container."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = str(os.getuid())
    return f"{account}@{socket.gethostname()}"


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
        accepted: The fields of the `Acceptance` of a batch that did not pass, if somebody took it.
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
    accepted: Mapping[str, Any] | None = None
