"""How features are asked for, whoever reads them. Hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Row = Mapping[str, Any]
"""Join keys and request columns of one question."""
Columns = Mapping[str, Sequence[Any]]
"""Values by feature name, one per row; None where there is no value."""

Status = Literal["PRESENT", "NOT_FOUND", "OUTSIDE_MAX_AGE", "INVALID"]
"""Feast's names of what became of a row; the last one where nothing was read."""
LowerRung = Literal["remembered", "typical", "rules"]
Rung = Literal["live", LowerRung]
"""Where an answer comes from, best first: the online store; what this process last read; the training rows; no model."""
RUNGS: tuple[Rung, ...] = ("live", "remembered", "typical", "rules")


@dataclass(slots=True)
class ViewRows:
    """What one feature view gave.

    Attributes:
        statuses: [rows] What became of each row.
        timestamps_us: [rows] Unix microseconds of the stored row's event timestamp; None where there is no row.
        rungs: [rows] where the values come from.
    """

    statuses: Sequence[Status]
    timestamps_us: Sequence[int | None]
    rungs: Sequence[Rung]

    def part(self, rows: slice) -> "ViewRows":
        """Some of the rows."""
        return ViewRows(self.statuses[rows], self.timestamps_us[rows], self.rungs[rows])


@dataclass(slots=True)
class Features:
    """What was read for some rows.

    Attributes:
        columns: Values by name.
        views: What each view gave, by its name.
    """

    columns: Columns
    views: Mapping[str, ViewRows]

    def part(self, rows: slice) -> "Features":
        """Some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Features(columns, {name: view.part(rows) for name, view in self.views.items()})


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
