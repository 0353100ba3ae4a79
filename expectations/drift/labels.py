"""Orders that a model had judged, and what became of them as far as their labels have had time to arrive."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Final

import polars as pl

from artefact import reference
from expectations.days import partitions
from expectations.judged import ASKED_AT, ORDERED_AT, asked_at, judged_orders
from expectations.served import NoPredictionsError, ServedLog, scores
from expectations.settings import QualitySettings

LABEL: Final = "label"
PROBABILITY: Final = "probability"
DEVICE: Final = "device"
_ARRIVAL: Final = "arrival_timestamp"
_DAY: Final = timedelta(days=1)
_TIMESTAMP: Final = pl.Datetime("us", "UTC")
_COLUMNS: Final = {
    "orders": pl.Schema(
        {
            **dict.fromkeys(("order_id", "user_id", "product_id", "device_id"), pl.String()),
            reference.TIME: _TIMESTAMP,
            _ARRIVAL: _TIMESTAMP,
        }
    ),
    "chargebacks": pl.Schema({"order_id": pl.String(), _ARRIVAL: _TIMESTAMP}),
}
_PREDICTED: Final = pl.Schema(
    {
        "user_id": pl.String(),
        "product_id": pl.String(),
        ASKED_AT: _TIMESTAMP,
        "version": pl.String(),
        PROBABILITY: pl.Float64(),
    }
)


@dataclass(frozen=True)
class Outcomes:
    """Orders and their labels.

    Attributes:
        rows: `PROBABILITY`, `LABEL` (1: charged back within the delay) and `DEVICE`, which is the same for orders of one
            device, a row per order; of a day also ``version``.
    """

    rows: pl.DataFrame

    @property
    def devices(self) -> tuple[int, int]:
        """How many devices ordered, and of how many an order was charged back: one that tries forty cards is one."""
        by_device = self.rows.group_by(DEVICE).agg(pl.col(LABEL).max())
        return by_device.height, int(by_device[LABEL].sum())


def settled_at(day: date, settings: QualitySettings) -> datetime:
    """When the labels of all orders of a day have had time to arrive."""
    return _midnight(day) + _DAY + timedelta(days=settings.label_delay_days)


def reference_outcomes(rows: pl.DataFrame, settings: QualitySettings) -> Outcomes:
    """Of the rows of a reference that have scores, as they were known after the same delay."""
    scored = rows.filter(pl.col(reference.SCORE).is_not_null())
    in_time = pl.col(reference.KNOWN_AFTER_SECONDS) <= settings.label_delay_days * 86_400
    return Outcomes(
        scored.select(
            pl.col(reference.SCORE).alias(PROBABILITY),
            in_time.fill_null(value=False).cast(pl.Int8).alias(LABEL),
            pl.col(reference.DEVICE).alias(DEVICE),
        )
    )


def day_outcomes(settings: QualitySettings, model: str, day: date) -> Outcomes:
    """Orders of a day that the model judged before they came; none where it judged none."""
    start, patience = _midnight(day), timedelta(minutes=settings.label_patience_minutes)
    orders = _once(_events(settings, "orders", [day]), "order_id").rename(
        {reference.TIME: ORDERED_AT, "device_id": DEVICE}
    )
    known = _known(settings, day)
    labelled = orders.join(known, on="order_id", how="left").with_columns(
        (pl.col(_ARRIVAL) <= pl.col(ORDERED_AT) + timedelta(days=settings.label_delay_days))
        .fill_null(value=False)
        .cast(pl.Int8)
        .alias(LABEL)
    )
    predictions = _predictions(settings, model, start - patience, start + _DAY)
    return Outcomes(
        judged_orders(labelled, predictions, patience).select(PROBABILITY, LABEL, DEVICE, "version")
    )


def _predictions(settings: QualitySettings, model: str, start: datetime, end: datetime) -> pl.DataFrame:
    """What decided: shadows are left out."""
    log = ServedLog(settings.predictions_url)
    columns = ("user_id", "product_id", "request", "scores")
    try:
        records = log.read(start, end, columns)
    except NoPredictionsError:
        return pl.DataFrame(schema=_PREDICTED)
    said = scores(records).filter((pl.col("model") == model) & ~pl.col("shadow"))
    asked = records.select("record", "user_id", "product_id", asked_at())
    return asked.join(said.select("record", "version", PROBABILITY), on="record").drop("record")


def _known(settings: QualitySettings, day: date) -> pl.DataFrame:
    """When each order became known as fraud, of chargebacks that may be of the day's orders."""
    days = [day + _DAY * later for later in range(ceil(settings.label_delay_days) + 1)]
    chargebacks = _events(settings, "chargebacks", days)
    return chargebacks.group_by("order_id").agg(pl.col(_ARRIVAL).min())


def _events(settings: QualitySettings, event: str, days: Collection[date]) -> pl.DataFrame:
    columns = _COLUMNS[event]
    parts = [part.read().select(list(columns)) for part in partitions(settings, [event], days)]
    return pl.concat([pl.DataFrame(schema=columns), *parts])


def _once(events: pl.DataFrame, event_id: str) -> pl.DataFrame:
    return events.sort(_ARRIVAL).unique(event_id, keep="first", maintain_order=True).drop(_ARRIVAL)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
