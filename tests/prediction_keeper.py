"""The archive of predictions as a process, and what it has archived."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ingestion.archive import Archive


@dataclass(frozen=True)
class KeeperProcess:
    """A running `python -m ingestion.predictions`."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running_keeper(data: Path, bootstrap: str, topic: str, **settings: Any) -> Iterator[KeeperProcess]:
    """Ends it by its process id, also on failure; archives what has come in every half second."""
    own = {
        "SHOP_DATA_DIR": data,
        "SHOP_KAFKA_BOOTSTRAP": bootstrap,
        "SHOP_PREDICTIONS_TOPIC": topic,
        "SHOP_PREDICTIONS_GROUP": f"group_{topic}",
        "SHOP_DEAD_LETTER_TOPIC": f"dead_{topic}",
        "SHOP_PREDICTIONS_ARCHIVE_SECONDS": 0.5,
        "SHOP_PREDICTIONS_METRICS_PORT": 0,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    log = data / "keeper.log"
    data.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion.predictions"],
            env=kept | {name: str(value) for name, value in {**own, **settings}.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield KeeperProcess(process, log)
    finally:
        process.kill()
        process.wait(10)


def archived(data: Path, *columns: str) -> pl.DataFrame:
    """Everything archived so far; empty before the first file."""
    archive = Archive.at(data / "predictions")
    schema = dict.fromkeys(columns, pl.String())
    return archive.scan(None, None, columns, schema=schema).collect()
