"""The prediction log of orders: what the API would have read for each, scored by the real model, in the log's own format."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from artefact import Card, encode_rows
from ingestion.predictions.record import Record, Score, ViewUse
from tests.benchmarks.faulty.clocks import TIME, table_clocks, window_clocks
from tests.prediction_log import archive_records
from training.history import read_features

READ = "read"
"""When the features of a prediction were read; `TIME` of its row is the instant that they tell, some milliseconds before."""
REQUEST = ("transaction_amount", "request_seconds", "request_device_id")
KEYS = ("user_id", "product_id", "device_id")


@dataclass(frozen=True)
class Answers:
    """Predictions, a row each.

    Attributes:
        rows: ``order_id``, keys, request, `READ`, `TIME` and the features of the service.
        clocks: Per stored view the clock of each row; null: there was none.
        rungs: Per stored view where its values came from; a view that is absent was read from the online store.
    """

    rows: pl.DataFrame
    clocks: Mapping[str, pl.Series]
    rungs: Mapping[str, pl.Series]


def questions(orders: pl.DataFrame, seed: int) -> pl.DataFrame:
    """What is asked for orders: each once, at its own time, of values that were right a moment before.

    An event is in the online store some milliseconds after it arrived. Lines of one checkout are 40 ms apart here: with
    the lag of a busy worker the counts of ten minutes would not know the lines that training rows know, which is a skew of
    its own and no fault to be found.
    """
    once = orders.sort("arrival_timestamp").unique("order_id", keep="first").sort(TIME, "order_id")
    lag = 1_000 + np.random.default_rng(seed).exponential(3_000, once.height)
    return once.select(
        "order_id",
        *KEYS,
        pl.col(TIME).alias(READ),
        (pl.col(TIME) - pl.duration(microseconds=pl.Series(lag.astype(np.int64)))).alias(TIME),
        transaction_amount="amount",
        request_seconds=pl.col(TIME).dt.epoch("s"),
        request_device_id="device_id",
    )


def answers(store: Any, service: str, asked: pl.DataFrame, events: Mapping[str, pl.DataFrame]) -> Answers:
    """Features as the online store has them at the instants of rows, given what the stream worker took in.

    Args:
        store: Over the events that the worker took in.
        service: The feature service.
        asked: Of `questions`; at least one.
        events: The same events by their type.
    """
    rows = read_features(store, service, asked)
    views = stored_views(store, service)
    clocks = {
        name: window_clocks(view, events[view.tags["event_source"]], asked)
        if getattr(view, "aggregations", None)
        else table_clocks(view, _table(store, view), asked)
        for name, view in views.items()
    }
    return Answers(rows, clocks, {})


def stored_views(store: Any, service: str) -> dict[str, Any]:
    """Views of the online store behind a service, also those that only its on-demand views take."""
    found: dict[str, Any] = {}
    for projection in store.get_feature_service(service).feature_view_projections:
        view = store.registry.get_any_feature_view(projection.name, store.project)
        sources = getattr(view, "source_feature_view_projections", {projection.name: projection})
        for source in sources.values():
            found[source.name] = store.registry.get_any_feature_view(source.name, store.project)
    return found


def write_log(
    data: Path, answered: Answers, card: Card, score: Callable[[pl.DataFrame], Any], first_offset: int = 0
) -> None:
    """Archive predictions as `python -m ingestion.predictions` does."""
    archive_records(records(answered, card, score), data, first_offset)


def records(answered: Answers, card: Card, score: Callable[[pl.DataFrame], Any]) -> Iterator[Record]:
    """A record per prediction.

    Args:
        answered: What was read.
        card: Of the version that is logged.
        score: Probabilities [N] of rows by the model that answered.
    """
    rows = answered.rows
    probabilities = np.asarray(score(rows)).tolist()
    inputs = _inputs(card, rows)
    service = [name for name in rows.columns if name not in ("order_id", TIME, READ, *KEYS, *REQUEST)]
    times = rows[READ].to_physical().to_list()
    uses = _uses(answered)
    asked = rows.select(*KEYS, *REQUEST).to_dicts()
    values = rows.select(service).to_dicts()
    for i, order_id in enumerate(rows["order_id"].to_list()):
        views = {name: use[i] for name, use in uses.items()}
        worst = next((use.rung for use in views.values() if use.rung != "live"), "live")
        yield Record(
            request_id=f"before {order_id}",
            time_us=times[i],
            row=asked[i],
            rung=worst,
            views=views,
            features=values[i],
            scores={"fraud": Score(f"fraud@{card.version}", probabilities[i], inputs[i], None, shadow=False)},
            risk_level=card.thresholds.level(probabilities[i]) if card.thresholds else None,
            latency_ms=2.0,
        )


def days_of(rows: pl.DataFrame) -> list[date]:
    """Days of the predictions, in order."""
    return rows[READ].dt.date().unique().sort().to_list()


def _inputs(card: Card, rows: pl.DataFrame) -> list[list[float | None]]:
    columns = {
        feature.name: values if values.dtype == pl.String else values.cast(pl.Float32).to_numpy()
        for feature in card.inputs
        for values in [rows[feature.name]]
    }
    encoded = encode_rows(card, columns)
    plain = encoded.astype(object)
    plain[np.isnan(encoded)] = None
    return plain.tolist()  # type: ignore[no-any-return]


def _uses(answered: Answers) -> dict[str, list[ViewUse]]:
    read = answered.rows[READ].to_physical()
    live = pl.repeat("live", answered.rows.height, eager=True)
    return {
        name: [
            ViewUse("NOT_FOUND" if age is None else "PRESENT", clock, age, rung)
            for clock, age, rung in zip(
                clocks.to_physical().to_list(),
                ((read - clocks.to_physical()) / 1e6).to_list(),
                answered.rungs.get(name, live).to_list(),
                strict=True,
            )
        ]
        for name, clocks in answered.clocks.items()
    }


def _table(store: Any, view: Any) -> pl.DataFrame:
    root = Path(store.config.offline_store.root)
    return pl.read_parquet(root / view.batch_source.path / "*.parquet", hive_partitioning=False)
