"""Gates: a batch that breaks its suite goes no further. It is refused by an exception, and kept.

`ingestion` reaches `FeatureGate` by the dotted path in feature_store.yaml (``batch_engine.gate``), training and the
programs under `infra` import what they need. Importing this module imports Great Expectations, which takes seconds.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
import polars as pl

from expectations.checking import CheckResult, check
from expectations.definitions import Registered, Store
from expectations.reports import Reports, utc_now
from expectations.settings import QualitySettings
from expectations.suites import BatchFacts, event_suite, feature_suite, service_columns, training_suite


class BatchRefused(Exception):  # noqa: N818 - a refusal is the gate doing its work
    """A batch broke its suite; the message lists what failed, what was observed, and rows that show it.

    Attributes:
        result: The whole result of the check.
        path: The refused batch, a parquet file.
    """

    def __init__(self, result: CheckResult, path: Path) -> None:
        super().__init__(
            f"batch refused: {result}\n"
            f"the batch is kept in {path}; `python -m expectations report` shows the whole result"
        )
        self.result = result
        self.path = path


class Gate:
    """What the gates have in common: check, keep the result, refuse what failed.

    Args:
        settings: Thresholds and folders; from the environment by default.
        clock: The present, aware, UTC.
    """

    def __init__(
        self,
        settings: QualitySettings | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings or QualitySettings()
        self.reports = Reports(self.settings, clock)

    def hold(
        self, frame: pl.DataFrame | pd.DataFrame, suite: gx.ExpectationSuite, batch: str | None = None
    ) -> CheckResult:
        """Check a batch and keep the result.

        Raises:
            BatchRefused: an expectation was not met.
        """
        stamp = self.reports.stamp()
        result = check(frame, suite, examples=self.settings.failure_examples)
        self.reports.keep(result, suite, batch or stamp)
        if not result.success:
            raise BatchRefused(result, self._keep_batch(frame, f"{suite.name}/{stamp}"))
        return result

    def _keep_batch(self, frame: pl.DataFrame | pd.DataFrame, name: str) -> Path:
        rows = pl.from_pandas(frame) if isinstance(frame, pd.DataFrame) else frame
        path = self.reports.folder / "refused" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(path)
        return path


class EventGate(Gate):
    """Holds batches of archived events to the suite of their type."""

    def __call__(
        self,
        store: Store,
        event: str,
        frame: pl.DataFrame,
        facts: BatchFacts | None = None,
        batch: str | None = None,
    ) -> CheckResult:
        """Check a batch of events; `batch` names it in the reports.

        Raises:
            BatchRefused: an expectation was not met.
            UnknownDefinitionError: the registry has no such event type.
        """
        facts = facts or BatchFacts(rows=frame.height)
        return self.hold(frame, event_suite(store, event, self.settings, facts), batch)


class FeatureGate(Gate):
    """Holds the rows of a feature view to the suite derived from it, before they are written to the online store.

    Args:
        root: Folder of the offline store; reports go there unless `SHOP_DATA_DIR` names another. The `feast` command
            may be started from anywhere, so a folder relative to the present one would be a guess.
        settings: Thresholds; from the environment by default.
        clock: The present, aware, UTC.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        settings: QualitySettings | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        chosen = settings or QualitySettings()
        if root is not None and "://" not in str(root) and "data_dir" not in chosen.model_fields_set:
            chosen = chosen.model_copy(update={"data_dir": Path(root)})
        super().__init__(chosen, clock)

    def __call__(self, view: Any, frame: pl.DataFrame, registry: Any, project: str) -> None:
        """Check the rows that one materialization of a Feast feature view would write.

        Args:
            view: The feature view, as the registry has it.
            frame: Join keys, the time of each row and the view's features; an empty batch passes.
            registry: Feast's registry, which knows the events behind the view.
            project: Name of the project in the registry.

        Raises:
            BatchRefused: an expectation was not met.
        """
        if not frame.is_empty():
            self.hold(frame, feature_suite(Registered(registry, project), view, self.settings))


class TrainingGate(Gate):
    """Holds training sets to the suite derived from their feature service."""

    def __call__(
        self, store: Store, service_name: str, frame: pl.DataFrame | pd.DataFrame, label: str | None = None
    ) -> CheckResult:
        """Check a training set; columns that are neither features of the service nor the label are not looked at.

        Raises:
            BatchRefused: an expectation was not met, or the features are not in the service's order.
            UnknownDefinitionError: the registry has no such service.
        """
        wanted = {*service_columns(store, service_name), *([label] if label else [])}
        rows = frame[[column for column in frame.columns if column in wanted]]
        return self.hold(rows, training_suite(store, service_name, self.settings, label=label))
