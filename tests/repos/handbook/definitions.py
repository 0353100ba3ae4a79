"""The Fraud Detection Handbook's features as windowed views: definitions other than the shop's.

Times are whole seconds. Asked at the last microsecond of a transaction's own second, a window with one-second hops
is the handbook's ``(t - w, t]``. Its terminal risk knows labels after seven days: label events carry the
transaction's time plus seven days, so the delay needs no special case.
"""

from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, RequestSource, ValueType
from feast.aggregation import Aggregation
from feast.field import Field
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64

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
    aggregations=[
        *(days(*f, n) for n in (1, 7, 30) for f in (("transaction_id", "count"), ("amount", "mean"))),
        *(days("amount", "max", n) for n in (1, 7, 14, 30)),
        days("amount", "mean", 14),
        days("amount", "mean", 90),
        days("amount", "std", 90),
    ],
)

terminal_risk = windowed_view(
    "terminal_risk",
    entities=[terminal],
    events=labels,
    description="Share of known fraud at a terminal.",
    aggregations=[
        *(days(*f, n) for n in (1, 7, 30) for f in (("transaction_id", "count"), ("fraud", "mean"))),
        days("fraud", "sum", 14),
        days("fraud", "sum", 28),
        days("fraud", "last", 90),
    ],
)

transaction_request = RequestSource(
    name="transaction_request",
    schema=[Field(name="transaction_amount", dtype=Float64), Field(name="request_seconds", dtype=Int64)],
)


@on_demand_feature_view(
    sources=[transaction_request],
    schema=[Field(name="is_weekend", dtype=Int64), Field(name="is_night", dtype=Int64)],
    mode="pandas",
    description="When a transaction happens.",
)
def transaction_time(inputs: pd.DataFrame) -> pd.DataFrame:
    """A row per transaction in, a row out."""
    import pandas as pd

    seconds = inputs["request_seconds"]
    # 1970-01-01 was a Thursday; the handbook's nights include the hour from 6 to 7.
    return pd.DataFrame(
        {
            "is_weekend": ((seconds // 86_400 + 3) % 7 >= 5).astype("int64"),
            "is_night": (seconds // 3_600 % 24 <= 6).astype("int64"),
        }
    )


@on_demand_feature_view(
    sources=[transaction_request, customer_transactions],
    schema=[
        Field(name=name, dtype=Float64)
        for name in (
            "amount_to_mean_30d",
            "amount_to_mean_90d",
            "amount_zscore_90d",
            "amount_variation_90d",
            *(f"mean_{n}d_to_mean_90d" for n in (1, 7, 14)),
            *(f"max_{n}d_to_mean_90d" for n in (1, 7, 14, 30)),
        )
    ],
    mode="pandas",
    description="An amount, and the highest of late, against what the customer usually pays.",
)
def customer_habits(inputs: pd.DataFrame) -> pd.DataFrame:
    """A row per transaction in, a row out; null where a customer has no habit yet."""
    import pandas as pd

    amount = inputs["transaction_amount"]
    mean, std = inputs["customer_amount_mean_90d"], inputs["customer_amount_std_90d"]
    return pd.DataFrame(
        {
            "amount_to_mean_30d": amount / inputs["customer_amount_mean_30d"],
            "amount_to_mean_90d": amount / mean,
            "amount_zscore_90d": (amount - mean) / std.where(std > 0),
            "amount_variation_90d": std / mean,
        }
        | {f"mean_{n}d_to_mean_90d": inputs[f"customer_amount_mean_{n}d"] / mean for n in (1, 7, 14)}
        | {f"max_{n}d_to_mean_90d": inputs[f"customer_amount_max_{n}d"] / mean for n in (1, 7, 14, 30)}
    )


_DAYS = (1, 7, 30)
_CUSTOMER = [f"customer_{f}_{n}d" for n in _DAYS for f in ("transactions_count", "amount_mean")]
_TERMINAL = [f"terminal_{f}_{n}d" for n in _DAYS for f in ("labels_count", "fraud_mean")]

handbook = FeatureService(
    name="handbook",
    features=[transaction_time, customer_transactions[_CUSTOMER], terminal_risk[_TERMINAL]],
    description="The handbook's own inputs, besides the amount.",
)

habits = FeatureService(
    name="habits",
    features=[transaction_time, customer_transactions[_CUSTOMER], terminal_risk, customer_habits],
    description="The handbook's inputs, more of the terminal, and how an amount compares with its customer's habits.",
)

transactions_stream, transactions_archive = transactions.stream, transactions.archive
labels_stream, labels_archive = labels.stream, labels.archive
