"""Data folders of one shop: a clean one, and copies in which one day is another."""

import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from feast import FeatureStore

from ingestion.archive import Archive
from ingestion.folder import Folder

PARTITIONS = 4


def store_of(data: Path, registry: Path) -> FeatureStore:
    """A feature store over a data folder; all share one registry."""
    repo = data / "repo"
    repo.mkdir(exist_ok=True)
    configuration: dict[str, Any] = {
        "project": "faults",
        "provider": "local",
        "registry": str(registry),
        "offline_store": {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(data)},
        "online_store": {"type": "sqlite", "path": str(repo / "online.db")},
        "entity_key_serialization_version": 3,
    }
    (repo / "feature_store.yaml").write_text(yaml.safe_dump(configuration))
    return FeatureStore(repo_path=str(repo))


def copy(clean: Path, data: Path, without: date) -> Path:
    """The clean folder as hard links, but for the events, the predictions and the reports of a day; returns `data`."""
    shutil.copytree(
        clean,
        data,
        copy_function=os.link,
        ignore=lambda _, names: {
            name for name in names if name in (f"date={without}", "reports", "repo", f"{without}.json")
        },
    )
    return data


def write_events(data: Path, events: Mapping[str, pl.DataFrame]) -> None:
    """Archive events of every type; each row has its position in Kafka."""
    for name, rows in events.items():
        if not rows.is_empty():
            Archive(data, name).write(rows)


def write_tables(data: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """The shop's tables, in place of others."""
    for name, rows in tables.items():
        shutil.rmtree(data / "tables" / name, ignore_errors=True)
        Folder(data / "tables" / name).publish({"all.parquet": rows})


def with_positions(events: pl.DataFrame, topic: str) -> pl.DataFrame:
    """Events in order of arrival as four partitions by user would have them."""
    partition = (pl.col("user_id").hash(seed=0) % PARTITIONS).cast(pl.Int32)
    return events.with_columns(_topic=pl.lit(topic), _partition=partition).with_columns(
        _offset=pl.int_range(pl.len()).over("_partition").cast(pl.Int64)
    )
