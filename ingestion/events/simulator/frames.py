"""Raw columns of numbers as frames of events, in the columns of the event contracts."""

from typing import Final

import numpy as np
import polars as pl

from ingestion.events.simulator.catalogue import Catalogue
from ingestion.events.simulator.customers import DEVICES_EACH, Customers
from ingestion.events.simulator.draws import DAY, MINUTE, SECOND, Ints
from ingestion.events.simulator.period import NO_SESSION, SCENARIOS, Period, RawOrders, RawViews

TIMESTAMP: Final = pl.Datetime("us", "UTC")
ARRIVAL: Final = "arrival_timestamp"
SCENARIO: Final = "scenario"
KNOWN: Final = "known_timestamp"

_CHARGEBACK_COLUMNS: Final = ("order_id", "user_id", "product_id", "device_id", "amount")


def order_frame(raw: RawOrders, period: Period, customers: Customers, catalogue: Catalogue) -> pl.DataFrame:
    """Orders in time order, with their `SCENARIO` beside the contract's columns."""
    order = np.argsort(raw.time_us, kind="stable")
    product = raw.product[order]
    return pl.DataFrame(
        {
            "order_id": _numbered(f"ord_{period.label}_", np.arange(len(order))),
            "event_timestamp": _times(raw.time_us[order]),
            "user_id": customers.names.gather(raw.user[order]),
            "product_id": catalogue.names.gather(product),
            "device_id": _device_names(raw.device[order], period, len(customers.names)),
            "category": catalogue.category_names().gather(product),
            "amount": raw.cents[order] / 100,
            "quantity": raw.quantity[order],
            "session_id": _session_names(raw.session[order], period),
            SCENARIO: pl.Series(SCENARIOS).gather(raw.scenario[order]),
        }
    )


def view_frame(raw: RawViews, period: Period, customers: Customers, catalogue: Catalogue) -> pl.DataFrame:
    """Page views in time order."""
    order = np.argsort(raw.time_us, kind="stable")
    product = raw.product[order]
    return pl.DataFrame(
        {
            "view_id": _numbered(f"view_{period.label}_", np.arange(len(order))),
            "event_timestamp": _times(raw.time_us[order]),
            "user_id": customers.names.gather(raw.user[order]),
            "product_id": catalogue.names.gather(product),
            "category": catalogue.category_names().gather(product),
            "cart_quantity": raw.cart_quantity[order],
            "session_id": _session_names(raw.session[order], period),
        }
    )


def truth_frame(orders: pl.DataFrame, rng: np.random.Generator, reported_share: float) -> pl.DataFrame:
    """The fraudulent ones of `orders` with the time at which each becomes known, 1 to 20 days later, or null."""
    fraud = orders.filter(pl.col(SCENARIO) != SCENARIOS[0])
    delay = ((1 + 19 * rng.beta(1.3, 2.8, fraud.height)) * DAY).astype(np.int64)
    known = _times(fraud["event_timestamp"].to_physical().to_numpy() + delay)
    reported = pl.Series(rng.random(fraud.height) < reported_share)
    return fraud.select(
        "order_id", "event_timestamp", "user_id", "product_id", "device_id", "amount", SCENARIO
    ).with_columns(pl.when(reported).then(known).alias(KNOWN))


def chargeback_frame(truth: pl.DataFrame) -> pl.DataFrame:
    """The chargebacks of the fraud that becomes known, whenever that is."""
    return truth.filter(pl.col(KNOWN).is_not_null()).select(
        pl.col("order_id").str.replace("ord_", "cbk_", literal=True).alias("chargeback_id"),
        pl.col(KNOWN).alias("event_timestamp"),
        *_CHARGEBACK_COLUMNS,
    )


def with_arrivals(
    frame: pl.DataFrame, rng: np.random.Generator, late: float, duplicate: float
) -> pl.DataFrame:
    """The events with `ARRIVAL` (a tenth of a second later, a share by minutes or hours) and some rows twice."""
    delay = 5_000 + rng.exponential(120_000, frame.height)
    delayed = rng.random(frame.height) < late
    hours = np.exp(rng.uniform(np.log(11 * MINUTE), np.log(360 * MINUTE), frame.height))
    delay = np.where(delayed, hours, delay).astype(np.int64)
    arrived = frame.with_columns(
        (pl.col("event_timestamp").to_physical() + pl.Series(delay)).cast(TIMESTAMP).alias(ARRIVAL)
    )
    again = arrived.filter(pl.Series(rng.random(frame.height) < duplicate))
    pause = (SECOND + rng.exponential(2 * MINUTE, again.height)).astype(np.int64)
    return pl.concat(
        [arrived, again.with_columns((pl.col(ARRIVAL).to_physical() + pl.Series(pause)).cast(TIMESTAMP))]
    )


def _times(micros: Ints) -> pl.Series:
    return pl.Series(micros, dtype=pl.Int64).cast(TIMESTAMP)


def _numbered(prefix: str, numbers: Ints) -> pl.Series:
    return pl.Series([prefix], dtype=pl.String).new_from_index(0, len(numbers)) + pl.Series(numbers).cast(
        pl.String
    )


def _session_names(session: Ints, period: Period) -> pl.Series:
    names = _numbered(f"ses_{period.label}_", session)
    return names.set(pl.Series(session == NO_SESSION), None)


def _device_names(device: Ints, period: Period, customers: int) -> pl.Series:
    """Fresh devices are negative; own ones come first, three for each customer, then the terminals in the shop."""
    number = pl.Series("device", device)
    own = customers * DEVICES_EACH
    names = (
        pl.when(number < 0)
        .then(pl.format("dev_{}_{}", pl.lit(period.label), -number))
        .when(number >= own)
        .then(pl.format("terminal_{}", number - own))
        .otherwise(pl.format("dev_u{}_{}", number // DEVICES_EACH, number % DEVICES_EACH))
    )
    return pl.select(names.alias("device_id")).to_series()
