"""What is shown of the entities of one view: their cells and statuses. Hot path."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, TypeAlias

from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

from ingestion.stores.redis_online import timestamps
from ingestion.stores.redis_online.cells import Cell
from ingestion.stores.redis_online.plan import ReadPlan

PRESENT: Final = FieldStatus.PRESENT
NULL_VALUE: Final = FieldStatus.NULL_VALUE
NOT_FOUND: Final = FieldStatus.NOT_FOUND
OUTSIDE_MAX_AGE: Final = FieldStatus.OUTSIDE_MAX_AGE

Status: TypeAlias = FieldStatus.ValueType


@dataclass(frozen=True)
class Entities:
    """What is shown of some entities of one view.

    Attributes:
        cells: [entities] a cell per feature of the plan, then the view's event timestamp (None where there is no row).
        statuses: [entities] PRESENT (an empty window too), NOT_FOUND or OUTSIDE_MAX_AGE.
    """

    cells: Sequence[Sequence[Cell]]
    statuses: Sequence[Status]


def show(plan: ReadPlan, replies: Sequence[Sequence[Cell]], now_seconds: float) -> Entities:
    """What is shown in place of what is stored.

    Args:
        plan: What was asked for.
        replies: [entities] a cell per feature of the plan, then the view's event timestamp.
        now_seconds: Unix seconds against which the view's TTL is held.
    """
    aged: Iterable[bool] = repeat(False)
    if plan.ttl_seconds is not None:
        aged = timestamps.are_before([stored[-1] for stored in replies], now_seconds - plan.ttl_seconds)
    pairs = [_shown(plan, stored, old) for stored, old in zip(replies, aged, strict=False)]
    return Entities([cells for cells, _ in pairs], [status for _, status in pairs])


def _shown(plan: ReadPlan, stored: Sequence[Cell], aged: bool) -> tuple[Sequence[Cell], Status]:
    if aged:
        return (*plan.nothing[:-1], stored[-1]), OUTSIDE_MAX_AGE
    if any(stored) or stored[-1] is not None:
        return stored, PRESENT
    return (plan.nothing, NOT_FOUND) if plan.unseen is None else (plan.unseen, PRESENT)
