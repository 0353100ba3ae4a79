"""Which queries go on and which begin anew, without Spark."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connections.kafka import Kafka
from infra.services.ports import LOOPBACK, free_port
from ingestion.archive import Archive
from ingestion.erasures.kept import Erasures
from ingestion.events.contract import Contract
from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.spark.stream.status import SparkStatus
from ingestion.stream.catalogue import EventTopic
from tests.unit.ingestion.spark.stream.test_kept import SPEC
from tests.unit.ingestion.spark.stream.test_reading import SCHEMA

pytest.importorskip("pyspark", reason="pyspark is not installed: run `make test-spark`")


class Query:
    """Spark's query, as far as it is asked."""

    def __init__(self) -> None:
        self.is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True


class Conf:
    """Of a session."""

    def set(self, name: str, value: str) -> None:
        assert name
        assert value


class Session:
    """A session that starts nothing."""

    conf = Conf()


def topic(name: str, horizon_us: int = 60) -> EventTopic:
    """As each look at the registry makes it anew."""
    contract = Contract.from_json_schema(name, SCHEMA, "event_timestamp", "event_id")
    spec = replace(SPEC, dedup_horizon_us=horizon_us)
    return EventTopic(name, contract, Archive("root", name), 0, horizon_us, (spec,), definition=name)


def test_only_topics_that_are_defined_otherwise_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry with another version, as `feast materialize` writes it, disturbs nobody; one that is gone ends.

    It is ready when the last topic streams.
    """
    from ingestion.spark.stream.served import Running, Served

    started: list[Running] = []
    status = SparkStatus()

    def start(_: Served, running: Running) -> None:
        running.query = Query()
        started.append(running)
        assert not status.is_healthy
        status.say(running.topic.name, "streams")

    monkeypatch.setattr(Served, "_start", start)
    settings = SparkStreamSettings.model_validate({"data_dir": tmp_path})
    nobody = Kafka(f"{LOOPBACK}:{free_port()}")
    served = Served(Session(), settings, nobody, Erasures(tmp_path / "erasures"), status, once=False)
    store: Any = object()
    served.serve(store, [topic("orders"), topic("page_views")])
    served.serve(store, [topic("orders"), topic("page_views")])
    assert [running.topic.name for running in started] == ["orders", "page_views"]
    assert status.is_healthy
    served.serve(store, [topic("orders", horizon_us=61)])
    assert [running.topic.name for running in started] == ["orders", "page_views", "orders"]
    assert [running.query.is_stopped for running in started] == [True, True, False]
    assert started[0].checkpoint != started[2].checkpoint
    served.close()
    assert started[2].query.is_stopped
