"""The record of a measurement of parity, kept below ``<data_dir>/reports/parity/``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from expectations import records

Value = bool | float | str | None


class Standing(StrEnum):
    """How a served value stands to history.

    Attributes:
        EQUAL: History has the same value for the instant at which it was read.
        LAGGING: It is right for what the store could know: events under way for less than the tolerated lag are not in it.
        STALE: It was right at the clock of its row; what came since is missing for longer than that.
        DIFFERENT: No lag explains it.
    """

    EQUAL = "equal"
    LAGGING = "lagging"
    STALE = "stale"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Example:
    """A served value that history does not have.

    Attributes:
        request_id: Of the prediction.
        read: When the value was read (UTC).
        keys: The prediction's join keys.
        served: The value that was used.
        recomputed: History's value at `read`.
        row_timestamp: Clock of the stored row; None: there was none, or the value was computed on demand.
        standing: What the difference comes from.
    """

    request_id: str
    read: datetime
    keys: Mapping[str, str | None]
    served: Value
    recomputed: Value
    row_timestamp: datetime | None
    standing: Standing


@dataclass(frozen=True)
class FeatureParity:
    """One feature of a service.

    Attributes:
        feature: Its name.
        view: The view that it comes from, an on-demand one too.
        compared: Served values; those that did not come from the store are left out.
        equal: Of them those that stand `Standing.EQUAL`; the next three likewise.
        lagging: See `Standing`.
        stale: See `Standing`.
        different: See `Standing`.
        largest_difference: Of numbers, over all values that are not equal; None where there is none.
        example: The first value of the worst standing; None where all are equal.
    """

    feature: str
    view: str
    compared: int
    equal: int
    lagging: int
    stale: int
    different: int
    largest_difference: float | None
    example: Example | None


@dataclass(frozen=True)
class ServiceParity:
    """A feature service.

    Attributes:
        service: Its name.
        records: Predictions that were looked at.
        degraded: Of their views, how many times values did not come from the online store, and were not compared.
        features: In the order of the service.
    """

    service: str
    records: int
    degraded: int
    features: tuple[FeatureParity, ...]

    @property
    def compared(self) -> int:
        """Values that were compared."""
        return sum(feature.compared for feature in self.features)

    @property
    def equal(self) -> int:
        """Values equal as served."""
        return sum(feature.equal for feature in self.features)

    @property
    def lagging(self) -> int:
        """Values that ingestion lag explains."""
        return sum(feature.lagging for feature in self.features)

    @property
    def stale(self) -> int:
        """Values that were right once."""
        return sum(feature.stale for feature in self.features)

    @property
    def different(self) -> int:
        """Values that nothing explains."""
        return sum(feature.different for feature in self.features)

    @property
    def unexplained(self) -> int:
        """Values that are neither equal nor explained by lag."""
        return self.stale + self.different

    @property
    def equal_ratio(self) -> float | None:
        """Share of values that are equal as served; None: nothing was compared."""
        return self.equal / self.compared if self.compared else None

    @property
    def accounted_ratio(self) -> float | None:
        """Share of values that are equal once lag is taken into account; None: nothing was compared."""
        return 1 - self.unexplained / self.compared if self.compared else None


@dataclass(frozen=True)
class ParityRun:
    """One measurement.

    Attributes:
        measured: When (UTC).
        since: First instant of the predictions.
        until: Behind the last one.
        lag_seconds: How long an event may be under way.
        seconds: How long the measurement took.
        services: Those that were asked for.
    """

    measured: datetime
    since: datetime
    until: datetime
    lag_seconds: float
    seconds: float
    services: tuple[ServiceParity, ...]


def keep(run: ParityRun, reports: Path) -> Path:
    """Write the record below the reports' folder; its file."""
    return records.keep(run, reports / "parity", run.measured)


def kept(reports: Path, most: int | None = None) -> list[ParityRun]:
    """Records below the reports' folder, the newest first, at most so many."""
    return records.kept(ParityRun, reports / "parity", most)


def newest_first(reports: Path) -> Iterator[ParityRun]:
    """Records below the reports' folder, each read when it is asked for."""
    return records.newest_first(ParityRun, reports / "parity")
