"""What is shown of the entities of one view: their cells and statuses. Hot path."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

from ingestion.stores.redis_online.cells import Cell
from ingestion.stores.redis_online.plan import ReadPlan

PRESENT: Final = FieldStatus.PRESENT
NULL_VALUE: Final = FieldStatus.NULL_VALUE
NOT_FOUND: Final = FieldStatus.NOT_FOUND
OUTSIDE_MAX_AGE: Final = FieldStatus.OUTSIDE_MAX_AGE

Status: TypeAlias = FieldStatus.ValueType


@dataclass(slots=True)
class Entities:
    """What is shown of some entities of one view; nobody changes it.

    Attributes:
        cells: [features][entities] cells.
        stored_at: [entities] stored event timestamps; None where there is no row.
        microseconds: [entities] the same as Unix microseconds, cut.
        statuses: [entities] PRESENT (an empty window too), NOT_FOUND or OUTSIDE_MAX_AGE.
    """

    cells: Sequence[Sequence[Cell]]
    stored_at: Sequence[Cell]
    microseconds: Sequence[int | None]
    statuses: Sequence[Status]


def show(
    plan: ReadPlan,
    cells: Sequence[Sequence[Cell]],
    stored_at: Sequence[Cell],
    microseconds: Sequence[int | None],
    now_seconds: float,
) -> Entities:
    """What is shown in place of what is stored.

    Args:
        plan: What was asked for.
        cells: [features][entities] stored cells.
        stored_at: [entities] stored event timestamps.
        microseconds: [entities] the same as Unix microseconds; None where there is no row.
        now_seconds: Unix seconds against which the view's TTL is held.
    """
    oldest = None if plan.ttl_seconds is None else (now_seconds - plan.ttl_seconds) * 1e6
    statuses: list[Status] = [PRESENT] * len(stored_at)
    columns: list[list[Cell]] = []
    for row, at in enumerate(microseconds) if _may_be_hidden(microseconds, oldest) else ():
        if at is None or (oldest is not None and at < oldest):
            columns = columns or [list(column) for column in cells]
            stored = [column[row] for column in columns]
            shown, statuses[row] = _instead(plan, stored, aged=at is not None)
            for column, cell in zip(columns, shown, strict=True):
                column[row] = cell
    return Entities(columns or cells, stored_at, microseconds, statuses)


def _may_be_hidden(microseconds: Sequence[int | None], oldest: float | None) -> bool:
    """Whether any row is absent or too old, found out without a look at each in Python."""
    if None in microseconds:
        return True
    return oldest is not None and min(cast("Sequence[int]", microseconds), default=oldest) < oldest


def _instead(plan: ReadPlan, stored: Sequence[Cell], *, aged: bool) -> tuple[Sequence[Cell], Status]:
    """Of an entity whose row is too old, or has no event timestamp."""
    if aged:
        return plan.nothing, OUTSIDE_MAX_AGE
    if any(stored):
        return stored, PRESENT
    return (plan.nothing, NOT_FOUND) if plan.unseen is None else (plan.unseen, PRESENT)
