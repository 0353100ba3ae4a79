"""The engine of `feast materialize` whose windows are computed by Spark.

In ``feature_store.yaml``::

    batch_engine:
      type: ingestion.spark.engine.SparkEngine

Its settings are those of `ingestion.stores.engine.WindowEngine` and Spark's. With a gate all rows of a view come to where
the command runs, as a gate judges them together; without one they are written where they are computed. Tables without
windows are materialized where the command runs.
"""

from datetime import datetime
from typing import Any

import polars as pl
from feast.infra.common.materialization_job import MaterializationTask
from feast.infra.registry.base_registry import BaseRegistry
from feast.utils import make_tzaware

from ingestion.derive import is_windowed
from ingestion.spark.latest import collected, latest_of_windows
from ingestion.spark.session import SparkSettings, open_session
from ingestion.spark.writing import write_where_computed
from ingestion.stores.engine import WindowEngine, WindowEngineConfig, continues, refuse_transformation
from ingestion.stores.sources import Source


class SparkEngineConfig(WindowEngineConfig, SparkSettings):
    """Settings of `SparkEngine`."""

    type: str = "ingestion.spark.engine.SparkEngine"
    """Dotted path of the engine."""


class SparkEngine(WindowEngine):
    """As its base, with windows by Spark; see the module."""

    _settings: SparkEngineConfig

    @staticmethod
    def _config_of(settings: dict[str, Any]) -> SparkEngineConfig:
        return SparkEngineConfig(**settings)

    def _materialize(self, registry: BaseRegistry, task: MaterializationTask) -> None:
        view = task.feature_view
        if self._settings.gate or not is_windowed(view):
            super()._materialize(registry, task)
            return
        refuse_transformation(view)
        source = Source(self.repo_config, view.batch_source)
        start, end = make_tzaware(task.start_time), make_tzaware(task.end_time)
        rows = self._on_spark(view, source, start, end, only_changed=continues(view, start))
        written = write_where_computed(rows, self.repo_config, view)
        if task.tqdm_builder:
            with task.tqdm_builder(written) as bar:
                bar.update(written)

    def _windows(
        self, view: Any, source: Source, start: datetime, end: datetime, *, only_changed: bool
    ) -> pl.DataFrame:
        return collected(self._on_spark(view, source, start, end, only_changed=only_changed), view)

    def _on_spark(
        self, view: Any, source: Source, start: datetime, end: datetime, *, only_changed: bool
    ) -> Any:
        return latest_of_windows(
            open_session(self._settings.spark_conf),
            view,
            source,
            (start, end),
            only_changed=only_changed,
            portion_bytes=self._settings.partition_mb * 2**20,
        )
