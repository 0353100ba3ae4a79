"""Definitions and coefficients that are easily multiplied by hand."""

from infra.capacity.coefficients import NAMES, Coefficients
from infra.capacity.definitions import Definitions, Topic, View, Window

HOUR, DAY = 3600.0, 86_400.0
USER_ORDERS = View("user_orders", ("user_id",), 3, (Window(HOUR, 300.0, 1), Window(DAY, HOUR, 2)))
PRODUCT_VIEWS = View("product_views", ("product_id",), 1, (Window(DAY, HOUR, 1),), (DAY,))
TABLE = View("user_profile", ("user_id",), 2)
DEFINITIONS = Definitions(
    (
        Topic("orders", fields=10, columns=14, floats=1, horizon_seconds=DAY, views=(USER_ORDERS,)),
        Topic("page_views", fields=8, columns=12, floats=0, horizon_seconds=HOUR, views=(PRODUCT_VIEWS,)),
    ),
    (TABLE,),
)


def coefficients(**values: float) -> Coefficients:
    """Those named; all others are 1."""
    return Coefficients(dict.fromkeys(NAMES, 1.0) | values, {"at": "2026-01-01", "machine": "a machine"})


def nothing_but(**values: float) -> Coefficients:
    """Those named; all others are 0."""
    return Coefficients(dict.fromkeys(NAMES, 0.0) | values, {})
