"""The program that erases as a process, what it is asked for, and what it says."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from confluent_kafka import Consumer, Producer

from ingestion.stream.whole import whole
from tests.services import RunningRedis


@dataclass(frozen=True)
class Erasing:
    """Requests and receipts of one test, and the environment of the programs."""

    bootstrap: str
    environment: Mapping[str, str]
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def variables(self) -> dict[str, str]:
        own = {
            "SHOP_ERASURES_TOPIC": f"erasures_{self.name}",
            "SHOP_ERASURE_RECEIPTS_TOPIC": f"erasure_receipts_{self.name}",
            "SHOP_PREDICTIONS_TOPIC": f"predictions_{self.name}",
            "SHOP_ERASE_EVERY_SECONDS": "0.1",
            "SHOP_ERASE_GRACE_SECONDS": "0.2",
            "SHOP_ERASE_METRICS_PORT": "0",
            "SHOP_STREAM_REFRESH_SECONDS": "0.5",
            "PYTHONOPTIMIZE": "1",
        }
        return {**self.environment, **own}

    def ask(self, person: str) -> str:
        """Ask to erase somebody up to now; the receipt."""
        receipt = uuid.uuid4().hex
        request = {
            "receipt": receipt,
            "user_id": person,
            "salt": "ab" * 16,
            "requested_us": time.time_ns() // 1000,
        }
        self._produce(self.variables["SHOP_ERASURES_TOPIC"], json.dumps(request).encode(), person)
        return receipt

    def receipt(self, receipt: str) -> dict[str, Any]:
        """What is known of it; empty while nothing is."""
        told = [m for m in self.messages("SHOP_ERASURE_RECEIPTS_TOPIC") if m.key().decode() == receipt]
        return dict(json.loads(told[-1].value())) if told else {}

    def messages(self, variable: str) -> list[Any]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"test-{uuid.uuid4().hex}"})
        try:
            return list(whole(consumer, {**self.environment, **self.variables}[variable], 10))
        finally:
            consumer.close()

    @contextmanager
    def running(self, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """`python -m ingestion.erase`; ends it by its process id, also on failure."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion.erase", *arguments],
            env={**os.environ, **self.variables, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def once(self, **more: str) -> str:
        """Carry out what is asked for; what it printed."""
        with self.running("--once", "--wait-seconds", "60", **more) as process:
            told, _ = process.communicate(timeout=120)
            assert process.returncode == 0, told
        return told

    def _produce(self, topic: str, value: bytes, key: str) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        producer.produce(topic, value, key)
        assert producer.flush(10) == 0


def traces_in_files(folder: Path, person: str) -> list[str]:
    """Files below a folder that have the person's id in their bytes or, of parquet, in a column."""
    word = person.encode()
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and (word in file.read_bytes() or (file.suffix == ".parquet" and _is_in_columns(file, person)))
    ]


def traces_in_redis(redis: RunningRedis, person: str, project: str) -> list[bytes]:
    """Keys of a project that have the person's id in them, or in a value."""
    word = person.encode()
    with redis.client() as client:
        return [
            key
            for key in client.scan_iter(f"*{project}")
            if client.type(key) == b"hash"
            and (word in key or any(word in value for value in client.hgetall(key).values()))
        ]


def _is_in_columns(file: Path, person: str) -> bool:
    rows = pl.read_parquet(file, hive_partitioning=False)
    return any((rows[name] == person).any() for name, kind in rows.schema.items() if kind == pl.String())
