"""Feast's compute engine for `feast materialize` and `feast materialize-incremental`, windowed views included.

In ``feature_store.yaml``::

    batch_engine:
      type: ingestion.stores.engine.WindowEngine
      gate: expectations.gate.FeatureGate     # optional: what every batch must pass before it is written

A materialization that was killed is repeated by running the same command again: it computes and writes the same rows,
and rows that are there already are not touched or are replaced by themselves. Feast keeps the interval as done only at
the end, so `materialize-incremental` begins again where the killed one began. Until then it keeps the view in the state
MATERIALIZING and refuses to read it, as it does during every materialization of a view that was materialized before,
unless the registry is kept by `ingestion.stores.registry_store`.

Beside a live stream a newer row always stays. A row of the very same instant is replaced by `materialize`, whose
purpose may be a feature that was added; by `materialize-incremental` only where an event arrived since its last run.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from importlib import import_module
from typing import Any

import polars as pl
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.infra.common.materialization_job import (
    MaterializationJob,
    MaterializationJobStatus,
    MaterializationTask,
)
from feast.infra.compute_engines.base import ComputeEngine
from feast.infra.offline_stores.offline_store import OfflineStore
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.utils import make_tzaware
from pydantic import model_validator

from ingestion.derive import is_windowed
from ingestion.stores import plain
from ingestion.stores.latest import latest_of_windows
from ingestion.stores.offline import ParquetOfflineStoreConfig
from ingestion.stores.online_rows import Writer, writer_of
from ingestion.stores.requests import join_keys
from ingestion.stores.sources import Source, place
from ingestion.stores.variables import refuse_unset
from ingestion.windows.revised import REVISED

Gate = Callable[[Any, pl.DataFrame, BaseRegistry, str], pl.Series]
"""Called with a view, the rows about to be written, the registry and the project: a boolean for each row, whether it may
be written. Raises to refuse them all."""


class EngineError(RuntimeError):
    """A view that this engine cannot materialize, or a gate that cannot be loaded."""


class WindowEngineConfig(FeastConfigBaseModel):
    """Settings of `WindowEngine`."""

    type: str = "ingestion.stores.engine.WindowEngine"
    """Dotted path of the engine."""

    gate: str = ""
    """Dotted path of a class that is made with the offline store's root and whose instances are called with a view,
    its rows, the registry and the project before the rows are written; they say which rows may be, and raise to refuse
    them all. Empty: everything is written."""

    @model_validator(mode="before")
    @classmethod
    def _every_variable_is_set(cls, settings: dict[str, Any]) -> dict[str, Any]:
        refuse_unset("batch_engine", settings)
        return settings


class WindowMaterializationJob(MaterializationJob):
    """A materialization that has ended."""

    def __init__(self, task: MaterializationTask, error: BaseException | None) -> None:
        self.task = task
        self._error = error

    def status(self) -> MaterializationJobStatus:
        """Whether it succeeded."""
        return MaterializationJobStatus.ERROR if self._error else MaterializationJobStatus.SUCCEEDED

    def error(self) -> BaseException | None:
        """Why it did not succeed."""
        return self._error

    def should_be_retried(self) -> bool:
        """Never by itself: what failed fails again until the data or the store is put right."""
        return False

    def job_id(self) -> str:
        """Name of the job: view and interval."""
        return f"{self.task.feature_view.name}-{self.task.start_time:%Y%m%dT%H%M%S}-{self.task.end_time:%Y%m%dT%H%M%S}"

    def url(self) -> str | None:
        """Jobs have no page of their own."""
        return None


class WindowEngine(ComputeEngine):
    """Computes the latest rows of a view from parquet files and writes them to the online store; see the module.

    Args:
        repo_config: Repository configuration.
        offline_store: The store whose root the sources lie in.
        online_store: Where rows are written; a ``write_columns`` method is preferred to Feast's own.
        settings: Fields of `WindowEngineConfig`.
    """

    def __init__(
        self,
        *,
        repo_config: RepoConfig,
        offline_store: OfflineStore,
        online_store: OnlineStore,
        **settings: Any,
    ) -> None:
        super().__init__(repo_config=repo_config, offline_store=offline_store, online_store=online_store)
        self._settings = self._config_of(settings)

    @staticmethod
    def _config_of(settings: dict[str, Any]) -> WindowEngineConfig:
        return WindowEngineConfig(**settings)

    def update(
        self,
        project: str,
        views_to_delete: Sequence[Any],
        views_to_keep: Sequence[Any],
        entities_to_delete: Sequence[Any],
        entities_to_keep: Sequence[Any],
    ) -> None:
        """Nothing to prepare: the engine runs in the process that calls it."""

    def teardown_infra(self, project: str, fvs: Sequence[Any], entities: Sequence[Any]) -> None:
        """Nothing to take down."""

    def _materialize_one(
        self,
        registry: BaseRegistry,
        task: MaterializationTask,
        **_: Any,
    ) -> WindowMaterializationJob:
        try:
            self._materialize(registry, task)
        except Exception as error:  # noqa: BLE001  # Feast raises the error of the job
            return WindowMaterializationJob(task, error)
        return WindowMaterializationJob(task, None)

    def _materialize(self, registry: BaseRegistry, task: MaterializationTask) -> None:
        view = task.feature_view
        rows = self._rows(view, make_tzaware(task.start_time), make_tzaware(task.end_time))
        if self._settings.gate:
            gate = load_gate(self._settings.gate, place(self.repo_config, ""))
            rows = rows.filter(gate(view, rows.drop(REVISED), registry, task.project))
        write_rows(self.repo_config, self.online_store, view, rows, task.tqdm_builder)

    def _rows(self, view: Any, start: datetime, end: datetime) -> pl.DataFrame:
        refuse_transformation(view)
        limit_bytes = limit_bytes_of(self.repo_config)
        source = Source(self.repo_config, view.batch_source)
        if not is_windowed(view):
            rows = plain.latest(view, source, (start, end), limit_bytes)
            return rows.with_columns(pl.lit(value=True).alias(REVISED))
        return self._windows(view, source, start, end, only_changed=continues(view, start))

    def _windows(
        self, view: Any, source: Source, start: datetime, end: datetime, *, only_changed: bool
    ) -> pl.DataFrame:
        """See `latest_of_windows`."""
        limit_bytes = limit_bytes_of(self.repo_config)
        return latest_of_windows(view, source, start, end, only_changed=only_changed, limit_bytes=limit_bytes)


def refuse_transformation(view: Any) -> None:
    """Raises EngineError for a view with a transformation."""
    if getattr(view, "feature_transformation", None):
        raise EngineError(
            f"view {view.name!r} has a transformation, which this engine does not run; compute its table with a "
            "batch job, or use an on-demand view"
        )


def continues(view: Any, start: datetime) -> bool:
    """Whether a materialization that begins at an instant goes on where the view's last one ended."""
    return view.most_recent_end_time is not None and make_tzaware(view.most_recent_end_time) == start


def limit_bytes_of(config: RepoConfig) -> int:
    """How much memory a materialization may take, which the offline store says.

    Raises:
        EngineError: if the project has another offline store.
    """
    if not isinstance(config.offline_store, ParquetOfflineStoreConfig):
        raise EngineError(
            f"offline_store in feature_store.yaml is {config.offline_store.type!r}; this engine reads the files of "
            f"{ParquetOfflineStoreConfig().type}, name that one"
        )
    return config.offline_store.memory_limit_bytes


def load_gate(path: str, root: str) -> Gate:
    """Instance of the class with a dotted path, for an offline store with that root.

    Raises:
        EngineError: if there is no such class.
    """
    module, _, name = path.rpartition(".")
    try:
        gate: Gate = getattr(import_module(module), name)(root)
    except (ImportError, AttributeError, ValueError) as error:
        raise EngineError(f"batch_engine.gate is {path!r}, which cannot be loaded: {error}") from error
    return gate


def with_dummy_entity(view: Any, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as the online store wants them: of a view without join keys under Feast's name for all."""
    if join_keys(view):
        return rows
    return rows.with_columns(pl.lit(DUMMY_ENTITY_VAL).alias(DUMMY_ENTITY_ID))


def write_rows(
    config: RepoConfig,
    store: OnlineStore,
    view: Any,
    rows: pl.DataFrame,
    tqdm_builder: Callable[[int], Any] | None = None,
) -> None:
    """Write rows with `REVISED` to the online store, with a progress bar.

    A stream may have written a row of the same instant that knows of a later event: only a row that is revised itself
    replaces it.
    """
    write: Writer = writer_of(config, store, view)
    rows = with_dummy_entity(view, rows)
    with tqdm_builder(rows.height) if tqdm_builder else nullcontext() as bar:
        for revised in (False, True):
            chosen = rows.filter(pl.col(REVISED) == revised).drop(REVISED)
            if not chosen.is_empty():
                write(chosen, bar.update if bar is not None else None, equal_wins=revised)
