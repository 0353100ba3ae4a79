"""Gates: a batch that breaks its suite goes no further. It is refused by an exception, and kept.

`ingestion` reaches `FeatureGate` by the dotted path in feature_store.yaml (``batch_engine.gate``), training and the
programs under `infra` import what they need. Importing this module imports Great Expectations, which takes seconds.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
import polars as pl

from expectations.broken import with_broken_rows
from expectations.checking import CheckResult, check
from expectations.definitions import Registered, Store
from expectations.kept import Acceptance, whoami
from expectations.quarantine import put_aside
from expectations.reports import Reports, utc_now
from expectations.settings import QualitySettings
from expectations.suites import BatchFacts, event_suite, feature_suite, service_columns, training_suite

_log = logging.getLogger(__name__)


class BatchRefused(Exception):  # noqa: N818 - a refusal is the gate doing its work
    """A batch broke its suite; the message lists what failed, what was observed, and rows that show it.

    Attributes:
        result: The whole result of the check.
        path: The refused batch, a parquet file.
    """

    def __init__(self, result: CheckResult, path: Path) -> None:
        super().__init__(
            f"batch refused: {result}\n"
            f"the batch is kept in {path}; `python -m expectations report` shows the whole result. To take it all the "
            "same, run again with SHOP_GATE_OVERRIDE='why', which is kept with the result"
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
        self._clock = clock

    def hold(
        self, frame: pl.DataFrame | pd.DataFrame, suite: gx.ExpectationSuite, batch: str | None = None
    ) -> CheckResult:
        """Check a batch, keep the result, and put rows that break an expectation into quarantine.

        Raises:
            BatchRefused: an expectation was not met, and `SHOP_GATE_OVERRIDE` gives no reason to take the batch.
        """
        name, now = batch or self.reports.stamp(), self._clock()
        checked = check(frame, suite, examples=self.settings.failure_examples)
        accepted = None if checked.success else acceptance(self.settings, now)
        self.reports.keep(checked, suite, name, accepted)
        result = with_broken_rows(frame, suite, checked, self.settings.quarantine_rows_max)
        rows = pl.from_pandas(frame) if isinstance(frame, pd.DataFrame) else frame
        path = put_aside(self.settings, rows, result, name, now, whole=not result.success, accepted=accepted)
        if accepted is None and not result.success:
            raise BatchRefused(result, path)
        if accepted is not None:
            _log.warning("batch accepted by %s (%s) though %s", accepted.by, accepted.reason, result)
        return replace(result, accepted=accepted)


def acceptance(settings: QualitySettings, now: datetime) -> Acceptance | None:
    """Who takes batches that break their suites, as the settings say; None: nobody."""
    if not settings.gate_override:
        return None
    return Acceptance(
        by=whoami(),
        reason=settings.gate_override,
        time=now.isoformat(timespec="seconds"),
    )


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

    def __call__(self, view: Any, frame: pl.DataFrame, registry: Any, project: str) -> pl.Series:
        """Check the rows that one materialization of a Feast feature view would write.

        Returns:
            A boolean for each row: whether it may be written. Rows within `mostly` that break an expectation may not.

        Args:
            view: The feature view, as the registry has it.
            frame: Join keys, the time of each row and the view's features; an empty batch passes.
            registry: Feast's registry, which knows the events behind the view.
            project: Name of the project in the registry.

        Raises:
            BatchRefused: an expectation was not met.
        """
        if frame.is_empty():
            return pl.Series(dtype=pl.Boolean)
        result = self.hold(frame, feature_suite(Registered(registry, project), view, self.settings))
        if result.accepted:
            return pl.repeat(value=True, n=frame.height, eager=True)
        return ~pl.int_range(frame.height, eager=True).is_in(list(result.broken))


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
