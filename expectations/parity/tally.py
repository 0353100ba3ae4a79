"""Adds up how the values of a service stand to history, portion by portion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.parity.lag import CLOCK
from expectations.parity.plan import ServicePlan
from expectations.parity.record import Example, FeatureParity, ServiceParity, Standing
from expectations.parity.values import largest_difference
from expectations.served import KEYS, RECORD, TIME, views

Codes: TypeAlias = NDArray[np.int8]
NOT_COMPARED: Final = -1
SEVERITY: Final[Mapping[Standing, int]] = {standing: code for code, standing in enumerate(Standing)}
"""Standings as numbers, the worst last."""


@dataclass
class _Counts:
    """Of one feature."""

    by_code: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(SEVERITY), dtype=np.int64))
    largest: float | None = None
    worst: int = SEVERITY[Standing.EQUAL]
    example: Example | None = None


class Tally:
    """Counts of a service.

    Args:
        plan: The service.
    """

    def __init__(self, plan: ServicePlan) -> None:
        self._plan = plan
        self._counts = {name: _Counts() for name in plan.features}
        self._view = {name: view for view in plan.views for name in view.features}
        self._records = self._degraded = 0

    def add(
        self, records: pl.DataFrame, served: pl.DataFrame, known: pl.DataFrame, codes: Mapping[str, Codes]
    ) -> None:
        """Add a portion: both sides and the codes have a row per record."""
        self._records += records.height
        used = views(records).filter(pl.col("view").is_in([view.name for view in self._plan.stored]))
        self._degraded += used.filter(pl.col("view_rung") != "live").height
        for name, counts in self._counts.items():
            own = codes[name]
            counts.by_code += np.bincount(own[own >= 0], minlength=len(SEVERITY))
            unequal = pl.Series(own > SEVERITY[Standing.EQUAL])
            if unequal.any():
                self._note(name, counts, records, (served[name], known[name]), own)

    def result(self) -> ServiceParity:
        """What was added up."""
        features = tuple(self._result(name, counts) for name, counts in self._counts.items())
        return ServiceParity(self._plan.name, self._records, self._degraded, features)

    def _result(self, name: str, counts: _Counts) -> FeatureParity:
        by_standing = {standing.value: int(counts.by_code[code]) for standing, code in SEVERITY.items()}
        return FeatureParity(
            feature=name,
            view=self._view[name].name,
            compared=int(counts.by_code.sum()),
            largest_difference=counts.largest,
            example=counts.example,
            **by_standing,
        )

    def _note(
        self,
        name: str,
        counts: _Counts,
        records: pl.DataFrame,
        sides: tuple[pl.Series, pl.Series],
        codes: Codes,
    ) -> None:
        unequal = pl.Series(codes > SEVERITY[Standing.EQUAL])
        difference = largest_difference(sides[0].filter(unequal), sides[1].filter(unequal))
        if difference is not None:
            counts.largest = max(difference, counts.largest or 0.0)
        worst = int(codes.max())
        if worst > counts.worst:
            counts.worst = worst
            counts.example = self._example(name, records, sides, int(codes.argmax()), worst)

    def _example(
        self, name: str, records: pl.DataFrame, sides: tuple[pl.Series, pl.Series], place: int, code: int
    ) -> Example:
        record: dict[str, Any] = records.row(place, named=True)
        used = views(records.filter(pl.col(RECORD) == record[RECORD]))
        own = used.filter(pl.col("view") == self._view[name].name)
        return Example(
            request_id=record["request_id"],
            read=record[TIME],
            keys={key: record[key] for key in KEYS},
            served=sides[0][place],
            recomputed=sides[1][place],
            row_timestamp=own[CLOCK][0] if own.height else None,
            standing=list(SEVERITY)[code],
        )
