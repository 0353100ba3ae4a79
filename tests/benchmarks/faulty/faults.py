"""Twenty things that go wrong on one day, each where it would; none of them touches a check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from expectations.diagnosis import Diagnosis
from ingestion.compile import compile_view
from ingestion.windows.asof import evaluate_as_of
from tests.benchmarks.faulty.checks import Check
from tests.benchmarks.faulty.clocks import window_clocks
from tests.benchmarks.faulty.served import READ, TIME, Answers

Events = dict[str, pl.DataFrame]
ARRIVAL = "arrival_timestamp"
HOUR = timedelta(hours=1)
_AMOUNT_MAX = 1_000_000
"""Of the contract: what is above would be a dead letter."""


@dataclass(frozen=True)
class Sides:
    """What the archive and the stream have of a day, and the shop's tables."""

    archived: Events
    streamed: Events
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Served:
    """What an API fault may look at: the answers, all events that the stream took in, and the views behind the service."""

    answers: Answers
    streamed: Events
    views: Mapping[str, Any]


def _same_sides(sides: Sides, _seed: int) -> Sides:
    return sides


def _same_answers(served: Served) -> Answers:
    return served.answers


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: What goes wrong.
        check: Who must catch it.
        diagnosis: What that check must say.
        events: What becomes of the events and tables of the day.
        served: What becomes of what the API reads and answers.
        score: What becomes of the probabilities [N] of the right model.
        days_back: How long before the usual day it happens; its labels have settled then.
    """

    name: str
    check: Check
    diagnosis: Diagnosis
    events: Callable[[Sides, int], Sides] = field(default=_same_sides)
    served: Callable[[Served], Answers] = field(default=_same_answers)
    score: Callable[[Any], Any] = field(default=lambda probabilities: probabilities)
    days_back: int = 0


def at_the_sender(
    name: str, change: Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]
) -> Callable[..., Sides]:
    """Events of a type that are sent otherwise: archive and stream have them alike."""

    def changed(sides: Sides, seed: int) -> Sides:
        events = sides.archived | {name: change(sides.archived[name], np.random.default_rng(seed))}
        return replace(sides, archived=events, streamed=events)

    return changed


def in_the_archive(
    name: str, change: Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]
) -> Callable[..., Sides]:
    """Events of a type that are archived otherwise than the stream took them in."""

    def changed(sides: Sides, seed: int) -> Sides:
        return replace(
            sides, archived=sides.archived | {name: change(sides.archived[name], np.random.default_rng(seed))}
        )

    return changed


def of_all_types(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[..., Sides]:
    """Events of all types that are sent otherwise; Kafka numbers what is sent."""

    def changed(sides: Sides, _seed: int) -> Sides:
        offset = pl.col("_offset").min() + pl.int_range(pl.len())
        events = {
            name: change(rows).with_columns(offset.over("_partition").cast(pl.Int64).alias("_offset"))
            for name, rows in sides.archived.items()
        }
        return replace(sides, archived=events, streamed=events)

    return changed


def _some(share: float, rows: pl.DataFrame, chance: np.random.Generator) -> pl.Series:
    return pl.Series(chance.random(rows.height) < share)


def _hour(hour: int) -> pl.Expr:
    return pl.col(TIME).dt.hour() == hour


def _cents(rows: pl.DataFrame, _chance: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(pl.col("amount") * 100).filter(pl.col("amount") <= _AMOUNT_MAX)


def _dearer(rows: pl.DataFrame, _chance: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns((pl.col("amount") * 1.7).round(2))


def _nulls(rows: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(amount=pl.when(~_some(0.05, rows, chance)).then("amount"))


def _stuck_clock(rows: pl.DataFrame, _chance: np.random.Generator) -> pl.DataFrame:
    stuck = pl.col(TIME).dt.hour().is_between(17, 19)
    return rows.with_columns(
        pl.when(stuck).then(pl.col(TIME).dt.truncate("1d") + timedelta(hours=17)).otherwise(TIME).alias(TIME)
    )


def _local_time(rows: pl.DataFrame, _chance: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(pl.col(TIME) + 2 * HOUR).filter(
        pl.col(TIME).dt.date() == (pl.col(TIME) - 2 * HOUR).dt.date()
    )


def _twice(rows: pl.DataFrame, _chance: np.random.Generator) -> pl.DataFrame:
    return pl.concat([rows, rows.filter(pl.col("_partition") == 1)])


def _swapped(rows: pl.DataFrame, _chance: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(user_id="product_id", product_id="user_id")


def _ids_of_before(rows: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    again = _some(0.2, rows, chance)
    return rows.with_columns(order_id=pl.when(again).then(pl.col("order_id").first()).otherwise("order_id"))


def _unknown_products(rows: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    unknown = pl.format("campaign_{}", pl.int_range(pl.len()) % 50)
    return rows.with_columns(
        product_id=pl.when(_some(0.2, rows, chance)).then(unknown).otherwise("product_id")
    )


def _late(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col(ARRIVAL) + timedelta(minutes=40))


def _fewer(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(~_hour(18) | (pl.int_range(pl.len()) % 10 < 3))


def _missing(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(~_hour(18))


def _new_category(sides: Sides, _seed: int) -> Sides:
    """Of three products in ten the catalogue says another category."""
    catalogue = sides.tables["product_catalogue"]
    another = pl.col("product_id").hash(seed=1) % 10 < 3
    changed = catalogue.with_columns(
        product_category=pl.when(another).then(pl.lit("refurbished")).otherwise("product_category")
    )
    return replace(sides, tables={**sides.tables, "product_catalogue": changed})


def _skipped_partition(sides: Sides, _seed: int) -> Sides:
    streamed = {name: rows.filter(pl.col("_partition") != 2) for name, rows in sides.streamed.items()}
    return replace(sides, streamed=streamed)


def _chargebacks(sides: Sides, seed: int) -> Sides:
    """One order in ten is charged back two days later."""
    chance, orders = (
        np.random.default_rng(seed),
        sides.archived["orders"].unique("order_id", maintain_order=True),
    )
    back = orders.filter(_some(0.1, orders, chance)).with_row_index("n")
    known = pl.col(TIME) + timedelta(days=2)
    burst = back.select(
        pl.format("burst_{}", "n").alias("chargeback_id"),
        known.alias(TIME),
        "order_id", "user_id", "product_id", "device_id", "amount",
        (known + timedelta(milliseconds=50)).alias(ARRIVAL),
        pl.lit("chargebacks").alias("_topic"),
        pl.lit(0, pl.Int32).alias("_partition"),
        (pl.col("n").cast(pl.Int64) + 10_000_000).alias("_offset"),
    )  # fmt: skip
    events = sides.archived | {
        "chargebacks": pl.concat([sides.archived["chargebacks"], burst], how="diagonal")
    }
    return replace(sides, archived=events, streamed=events)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _stale_view(served: Served) -> Answers:
    """For an hour the rows of one view are those of its begin."""
    answers, view = served.answers, served.views["user_views"]
    begin = _midnight(answers.rows[READ][0].date()) + timedelta(hours=18)
    stale = answers.rows[READ].is_between(begin, begin + HOUR, closed="left")
    return _reread(answers, view, served.streamed, stale, pl.lit(begin))


def _reread(answers: Answers, view: Any, events: Events, where: pl.Series, instant: pl.Expr) -> Answers:
    """The values and clocks of a view in some rows as of another instant."""
    asked = answers.rows.with_columns(instant.dt.cast_time_unit("us").alias(TIME))
    spec, own = compile_view(view), events[view.tags["event_source"]]
    values = evaluate_as_of(
        spec,
        own.unique(spec.event_id_column, keep="first", maintain_order=True),
        asked.select(*spec.join_keys, TIME),
    )
    names = [name for name in values.columns if name in answers.rows.columns]
    rows = answers.rows.with_columns(
        pl.select(pl.when(where).then(values[name]).otherwise(answers.rows[name])).to_series().alias(name)
        for name in names
    )
    then = window_clocks(view, own, asked)
    clocks = pl.select(pl.when(where).then(then).otherwise(answers.clocks[view.name])).to_series()
    return replace(answers, rows=rows, clocks={**answers.clocks, view.name: clocks})


def _changed_aggregation(served: Served) -> Answers:
    """The worker counts seven days where the definition says one."""
    answers, view = served.answers, served.views["user_orders"]
    spec = compile_view(view)
    features = tuple(
        replace(f, window_us=7 * f.window_us) if f.name == "user_orders_count_1d" else f
        for f in spec.features
    )
    own = served.streamed["orders"].unique("order_id", keep="first", maintain_order=True)
    values = evaluate_as_of(replace(spec, features=features), own, answers.rows.select(*spec.join_keys, TIME))
    return replace(answers, rows=answers.rows.with_columns(values["user_orders_count_1d"]))


def _wrong_encoding(served: Served) -> Answers:
    """The API tells the night by local time, seven hours off."""
    seconds = pl.col("request_seconds")
    rows = served.answers.rows.with_columns(is_night=((seconds + 7 * 3600) // 3600 % 24 < 6).cast(pl.Int64))
    return replace(served.answers, rows=rows)


def _store_away(served: Served) -> Answers:
    """For half of the day values of orders come from the typical ones of the card: the median of each."""
    answers = served.answers
    away = answers.rows[READ].dt.hour() >= 12
    names = [
        f"user_{name}"
        for name in ("orders_count_7d", "orders_count_30d", "amount_mean_30d", "amount_std_30d")
    ]
    rows = answers.rows.with_columns(
        pl.select(
            pl.when(away)
            .then(answers.rows[name].median())
            .otherwise(answers.rows[name])
            .cast(answers.rows[name].dtype)
        )
        .to_series()
        .alias(name)
        for name in names
    )
    rung = pl.select(pl.when(away).then(pl.lit("typical")).otherwise(pl.lit("live"))).to_series()
    return replace(answers, rows=rows, rungs={"user_orders": rung})


def _another_model(probabilities: Any) -> Any:
    """A model of other classes answers under the name of the right one."""
    return np.clip(np.asarray(probabilities) * 0.5 + 0.2, 0, 1)


_QUALITY, _PARITY, _DRIFT, _LABELS = Check.QUALITY, Check.PARITY, Check.DRIFT, Check.LABELS
_WORLD, _PIPELINE, _FRESHNESS = Diagnosis.WORLD, Diagnosis.PIPELINE, Diagnosis.FRESHNESS
FAULTS = (
    Fault("amounts in cents", _QUALITY, _WORLD, at_the_sender("orders", _cents)),
    Fault("nulls in 5 % of the amounts", _QUALITY, _PIPELINE, in_the_archive("orders", _nulls)),
    Fault("a sender's clock stands still", _QUALITY, _WORLD, at_the_sender("page_views", _stuck_clock)),
    Fault("a partition archived twice", _QUALITY, _PIPELINE, in_the_archive("orders", _twice)),
    Fault("local time sent as UTC", _QUALITY, _WORLD, at_the_sender("orders", _local_time)),
    Fault("customers and products swapped", _QUALITY, _WORLD, at_the_sender("page_views", _swapped)),
    Fault("a new category at 30 %", _DRIFT, _WORLD, _new_category),
    Fault("the worker skips a partition", _PARITY, _PIPELINE, _skipped_partition),
    Fault("a view served stale for an hour", _PARITY, _FRESHNESS, served=_stale_view),
    Fault("an aggregation changed", _PARITY, _PIPELINE, served=_changed_aggregation),
    Fault("amounts 1.7 times as high", _DRIFT, _WORLD, at_the_sender("orders", _dearer)),
    Fault("a burst of chargebacks", _LABELS, _WORLD, _chargebacks, days_back=10),
    Fault("an hour with 30 % of its events", _QUALITY, _WORLD, of_all_types(_fewer)),
    Fault("an hour without events", _QUALITY, _FRESHNESS, of_all_types(_missing)),
    Fault("ids used again", _QUALITY, _WORLD, at_the_sender("orders", _ids_of_before)),
    Fault("products that nobody knows", _QUALITY, _WORLD, at_the_sender("orders", _unknown_products)),
    Fault("another model under the same name", _DRIFT, _PIPELINE, score=_another_model),
    Fault("an on-demand feature encoded wrongly", _PARITY, _PIPELINE, served=_wrong_encoding),
    Fault("events arrive 40 minutes late", _QUALITY, _FRESHNESS, of_all_types(_late)),
    Fault("the online store away for half a day", _DRIFT, _FRESHNESS, served=_store_away),
)
