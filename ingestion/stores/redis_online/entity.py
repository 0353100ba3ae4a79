"""One entity's stored fields as Feast values with their statuses. Hot path."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.Value_pb2 import NULL, Value
from google.protobuf.timestamp_pb2 import Timestamp

from ingestion.stores.redis_online.plan import ReadPlan
from ingestion.stores.redis_online.values import NULL_TIMESTAMP

PRESENT: Final = FieldStatus.PRESENT
NULL_VALUE: Final = FieldStatus.NULL_VALUE
NOT_FOUND: Final = FieldStatus.NOT_FOUND
OUTSIDE_MAX_AGE: Final = FieldStatus.OUTSIDE_MAX_AGE

NULLS: Final = frozenset(
    {
        b"",
        Value(null_val=NULL).SerializeToString(),
        Value(unix_timestamp_val=NULL_TIMESTAMP).SerializeToString(),
    }
)
"""Stored values that mean null."""

_NULL: Final = Value()
_NEVER: Final = Timestamp()


class Entity(NamedTuple):
    """What is known of one entity in one view.

    Attributes:
        values: One per feature of the plan; the empty value is null.
        statuses: Feast's FieldStatus of each.
        timestamp: Event timestamp of the row; zero where there is none.
    """

    values: Sequence[Value]
    statuses: Sequence[FieldStatus.ValueType]
    timestamp: Timestamp

    @property
    def found(self) -> bool:
        """Whether there is a value or a null to show: stored and not too old, or an empty window."""
        return not self.statuses or self.statuses[0] not in (NOT_FOUND, OUTSIDE_MAX_AGE)

    @property
    def at(self) -> datetime | None:
        """Event timestamp, UTC, microseconds; None where there is no row."""
        return None if self.timestamp is _NEVER else instant(self.timestamp)


def read_entity(plan: ReadPlan, stored: Sequence[bytes | None], now_seconds: float) -> Entity:
    """Values, statuses and timestamp of one reply.

    Args:
        plan: What was asked for.
        stored: One value per feature of the plan, then the view's timestamp.
        now_seconds: Unix seconds against which the view's TTL is held.
    """
    at = stored[-1]
    timestamp = _NEVER if at is None else Timestamp.FromString(at)
    status = row_status(
        plan, stored, None if at is None else timestamp.seconds + timestamp.nanos / 1e9, now_seconds
    )
    count = len(plan.features)
    if status != PRESENT:
        return Entity([_NULL] * count, [status] * count, timestamp)
    if plan.unseen is not None and not any(stored):
        return Entity(plan.unseen, plan.unseen_statuses, timestamp)
    read = Value.FromString
    values = [_NULL if value is None or value in NULLS else read(value) for value in stored[:-1]]
    return Entity(values, [NULL_VALUE if value is _NULL else PRESENT for value in values], timestamp)


def row_status(
    plan: ReadPlan, stored: Sequence[bytes | None], at_seconds: float | None, now_seconds: float
) -> FieldStatus.ValueType:
    """PRESENT, NOT_FOUND or OUTSIDE_MAX_AGE; an empty window is PRESENT.

    Args:
        plan: What was asked for.
        stored: One value per feature of the plan, then the view's timestamp.
        at_seconds: That timestamp in Unix seconds.
        now_seconds: Unix seconds against which the view's TTL is held.
    """
    if at_seconds is None:
        return PRESENT if plan.unseen is not None or any(stored) else NOT_FOUND
    aged = plan.ttl_seconds is not None and at_seconds + plan.ttl_seconds < now_seconds
    return OUTSIDE_MAX_AGE if aged else PRESENT


def instant(timestamp: Timestamp) -> datetime:
    """UTC datetime of a Timestamp, cut to microseconds."""
    return datetime.fromtimestamp(timestamp.seconds, UTC).replace(microsecond=timestamp.nanos // 1000)
