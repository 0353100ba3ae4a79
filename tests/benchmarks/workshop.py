"""A folder with a simulated shop, in which a benchmark runs the project's commands and measures them."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from artefact import Card, champion_path, load_card

ROOT = Path(__file__).parents[2]
DAYS = 52


@dataclass(frozen=True)
class Workshop:
    """A folder in which commands run.

    Attributes:
        folder: Has the data and feature_store.yaml.
        scale: Size of the shop, in units of the simulator's usual number of customers.
        seed: Of the simulation.
    """

    folder: Path
    scale: float
    seed: int

    @property
    def data(self) -> Path:
        """Archives, tables, models."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Simulate, register the definitions, compute the daily statistics."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.folder / "feature_store.yaml").write_text(yaml.safe_dump(self.configuration()))
        size = ["--days", str(DAYS), "--scale", str(self.scale), "--seed", str(self.seed)]
        self.run("ingestion.simulate", "history", *size)
        self.run("feast.cli.cli", "-c", "feature_repo", "apply")
        self.run("ingestion.batch")

    def run(self, module: str, *arguments: str) -> tuple[float, float]:
        """Run a module to its end; its seconds and the most memory it held, in GiB."""
        environment = os.environ | {
            "SHOP_DATA_DIR": str(self.data),
            "FEAST_FS_YAML_FILE_PATH": str(self.folder / "feature_store.yaml"),
        }
        command = [sys.executable, "-m", module, *arguments]
        return run_measured(command, environment, self.folder / "log")

    def configuration(self) -> dict[str, object]:
        """Content of feature_store.yaml."""
        return {
            "project": "shop",
            "provider": "local",
            "registry": str(self.folder / "registry.db"),
            "offline_store": {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(self.data)},
            "online_store": {"type": "sqlite", "path": str(self.folder / "online.db")},
            "entity_key_serialization_version": 3,
        }

    def card(self, model: str) -> Card:
        """Of the champion."""
        return load_card(champion_path(self.data / "models", model))

    def events(self, name: str) -> int:
        """Archived events of a kind."""
        files = str(self.data / "archive" / name / "*" / "*.parquet")
        return int(pl.scan_parquet(files).select(pl.len()).collect().item())


def run_measured(
    command: Sequence[str], environment: Mapping[str, str], log: Path | None = None
) -> tuple[float, float]:
    """Run a command in the project's folder to its end.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        log: Where its output goes; None: where this process's own goes.

    Returns:
        Its seconds and the most memory it held, in GiB.

    Raises:
        RuntimeError: its status was not 0.
    """
    begin = time.perf_counter()
    with nullcontext() if log is None else log.open("wb") as output:
        started = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            _, status, usage = os.wait4(started.pid, 0)
        except BaseException:
            started.kill()
            raise
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        told = f"ended with status {started.returncode}" if log is None else log.read_text()[-4_000:]
        raise RuntimeError(f"{' '.join(command)} failed:\n{told}")
    return time.perf_counter() - begin, usage.ru_maxrss / 2**20
