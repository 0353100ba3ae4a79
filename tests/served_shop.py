"""A small shop whose features are kept by the stream's executor, served from a real Redis, and logged as the API logs them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from feast import FeatureService

from expectations.served import ServedLog
from ingestion.archive import TIMESTAMP_TYPE
from ingestion.compile import compile_view
from ingestion.predictions.record import Record, Score, ViewUse
from ingestion.stores.push import push_rows
from ingestion.windows.incremental import IncrementalExecutor
from serving.feast_reader import FeastReader
from serving.metrics import Metrics
from serving.on_demand import WithOnDemand
from serving.plan import plan_services
from serving.uses import Used
from tests.oracle import Event
from tests.prediction_log import archive_records
from tests.small_shop import affinity, microseconds, order_context, small_shop, user_orders, write_orders

SERVICE = "served"


class ServedShop:
    """Orders are archived, streamed and served when a test says so: each of them may lag, or never come.

    Args:
        folder: Of the registry, the archive and the prediction log.
        redis: ``host:port``.
        project: Name of the project, so that tests share a server.
    """

    def __init__(self, folder: Path, redis: str, project: str) -> None:
        online = {"type": "ingestion.stores.online.RedisOnlineStore", "connection_string": redis}
        self.folder = folder
        self.store = small_shop(folder, online, project=project)
        self.store.apply([FeatureService(name=SERVICE, features=[user_orders, affinity, order_context])])
        self.log = ServedLog(f"{folder}/data/predictions")
        self._executor = IncrementalExecutor(compile_view(user_orders))
        self._records: list[Record] = []
        self._archived = 0
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """Hang up."""
        self._runner.run(self.store.close())
        self._runner.close()

    def happens(self, *events: Event, streamed: bool = True, partition: int = 0) -> None:
        """Orders arrive in a partition: they are archived and, unless the stream lags, pushed."""
        write_orders(self.folder, events, first_offset=self._archived, partition=partition)
        self._archived += len(events)
        if streamed:
            self.streams(*events)

    def streams(self, *events: Event) -> None:
        """The stream worker takes orders in."""
        self._executor.update(_frame(events))
        push_rows(self.store, user_orders.name, self._executor.take_changed())

    def passes(self, instant: datetime) -> None:
        """The stream worker passes the boundaries up to an instant."""
        self._executor.advance(microseconds(instant))
        push_rows(self.store, user_orders.name, self._executor.take_waiting(1_000))

    def pushes(self, **changes: Any) -> None:
        """Something else writes a wrong row of every user in place of the right one."""
        rows = self._executor.rows()
        push_rows(self.store, user_orders.name, rows.with_columns(**changes))

    def serves(
        self, user: str, at: datetime, *, rung: str = "live", amount: float = 5.0, **wrong: Any
    ) -> None:
        """The API answers; values given in `wrong` are what it used instead of what it read."""
        row = {"user_id": user, "product_id": "x", "asked_amount": amount}
        plan = plan_services(self.store, [SERVICE])
        reader = WithOnDemand(FeastReader(self.store, plan, 5.0, Metrics()), plan.on_demand)
        found = self._runner.run(reader.read([row]))
        (used,) = Used.of(found.views, 1, microseconds(at)).views
        self._records.append(
            Record(
                request_id=f"r{len(self._records)}",
                time_us=microseconds(at),
                row=row,
                rung=rung,
                views={
                    name: ViewUse(use.status, use.event_timestamp_us, use.age_seconds, rung)
                    for name, use in used.items()
                },
                features={name: values[0] for name, values in found.columns.items() if name not in row}
                | wrong,
                scores={"fraud": Score("fraud@v1", 0.5, [], "champion", shadow=False)},
                risk_level="LOW",
                latency_ms=1.0,
            )
        )

    def archives(self) -> None:
        """The log is written down."""
        archive_records(self._records, self.folder / "data")


def _frame(events: Sequence[Event]) -> pl.DataFrame:
    rows = {
        "order_id": [event.event_id for event in events],
        "user_id": [event.key[0] for event in events],
        "product_id": [event.values["product_id"] for event in events],
        "amount": [event.values["amount"] for event in events],
        "event_timestamp": [event.time for event in events],
        "arrival_timestamp": [event.arrival for event in events],
    }
    return pl.DataFrame(rows).with_columns(
        pl.col("event_timestamp", "arrival_timestamp").cast(TIMESTAMP_TYPE), pl.col("amount").cast(pl.Float64)
    )
