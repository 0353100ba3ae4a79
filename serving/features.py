"""How features are asked for, whoever reads them. Hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Row = Mapping[str, Any]
"""Join keys and request columns of one question."""
Columns = Mapping[str, Sequence[Any]]
"""Values by feature name, one per row; None where there is no value."""

Rung = Literal["live", "remembered", "typical", "rules"]
"""Where an answer comes from, best first: the online store; what this process last read; the training rows; no model."""
RUNGS: tuple[Rung, ...] = ("live", "remembered", "typical", "rules")


@dataclass(frozen=True, slots=True)
class ViewRows:
    """What one feature view gave.

    Attributes:
        statuses: [rows] Feast's name of the status: PRESENT, NOT_FOUND or OUTSIDE_MAX_AGE; INVALID where nothing was read.
        timestamps_us: [rows] Unix microseconds of the stored row's event timestamp; None where there is no row.
        rungs: [rows] where the values come from.
    """

    statuses: Sequence[str]
    timestamps_us: Sequence[int | None]
    rungs: Sequence[Rung]


@dataclass(frozen=True, slots=True)
class Features:
    """What was read for some rows.

    Attributes:
        columns: Values by name.
        views: What each view gave, by its name.
    """

    columns: Columns
    views: Mapping[str, ViewRows]


class FeatureReader(Protocol):
    """Reads the features of one plan."""

    async def read(self, rows: Sequence[Row]) -> Features:
        """Features of each row, in order; there is at least one row.

        Raises:
            FeaturesUnavailableError: if the online store does not answer in time.
        """
        ...


@dataclass(frozen=True)
class Readers:
    """Reads of features, one per question.

    Attributes:
        order: Features of both models for an order.
        last_viewed: The product a customer looked at last.
        ranking: Features of the recommendation model.
    """

    order: FeatureReader
    last_viewed: FeatureReader
    ranking: FeatureReader
