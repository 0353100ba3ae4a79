"""The Fraud Detection Handbook's features as windowed views: definitions other than the shop's.

Times are whole seconds. Asked at the last microsecond of a transaction's own second, a window with one-second hops
is the handbook's ``(t - w, t]``. Its terminal risk knows labels after seven days: label events carry the
transaction's time plus seven days, so the delay needs no special case.
"""

from datetime import timedelta

from feast import Entity, ValueType
from feast.aggregation import Aggregation

from ingestion.derive import event_type, windowed_view

_ID = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
terminal = Entity(name="terminal", join_keys=["terminal_id"], value_type=ValueType.STRING)

transactions = event_type(
    "transactions",
    {
        "transaction_id": _ID,
        "event_timestamp": _TIME,
        "customer_id": _ID,
        "terminal_id": _ID,
        "amount": {"type": "number"},
    },
    event_id="transaction_id",
    description="A card transaction.",
)

labels = event_type(
    "labels",
    {
        "transaction_id": _ID,
        "event_timestamp": _TIME,
        "terminal_id": _ID,
        "fraud": {"type": "integer"},
    },
    event_id="transaction_id",
    description="A transaction became known as good (0) or fraud (1).",
)


def days(column: str, function: str, count: int) -> Aggregation:
    """A window of whole days that moves by the second."""
    return Aggregation(column, function, timedelta(days=count), timedelta(seconds=1))


customer_transactions = windowed_view(
    "customer_transactions",
    entities=[customer],
    events=transactions,
    description="How often and how much a customer pays.",
    aggregations=[days(*f, n) for n in (1, 7, 30) for f in (("transaction_id", "count"), ("amount", "mean"))],
)

terminal_risk = windowed_view(
    "terminal_risk",
    entities=[terminal],
    events=labels,
    description="Share of known fraud at a terminal.",
    aggregations=[days(*f, n) for n in (1, 7, 30) for f in (("transaction_id", "count"), ("fraud", "mean"))],
)

transactions_stream, transactions_archive = transactions.stream, transactions.archive
labels_stream, labels_archive = labels.stream, labels.archive
