"""Measures parity as it is asked for on the command line, and tells it."""

import argparse
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from feast import FeatureStore
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from expectations.definitions import UnknownDefinitionError
from expectations.parity.gate import missed
from expectations.parity.lag import Tolerated
from expectations.parity.meter import Question, measure
from expectations.parity.record import Example, ParityRun, ServiceParity, keep
from expectations.served import NoPredictionsError, ServedLog
from expectations.settings import QualitySettings

ARCHIVES_LAG: Final = timedelta(seconds=60)
"""What happened this long ago is in the archives of events and of predictions."""
HOUR: Final = timedelta(hours=1)


def measure_and_tell(options: argparse.Namespace, console: Console) -> int:
    """Measure what the options ask for, keep the record and print it; the exit status."""
    settings, now = QualitySettings(), datetime.now(UTC)
    store = feature_store(str(options.repo))
    until = options.until or now - ARCHIVES_LAG
    question = Question(
        services=options.service or service_names(store),
        since=options.since or until - HOUR,
        until=until,
        sample=options.sample or settings.parity_sample,
    )
    log = ServedLog(settings.predictions_url)
    try:
        total = min(question.sample or 0, log.count(question.since, question.until))
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("computing served values again", total=total)
            run = measure(
                store,
                log,
                question,
                tolerated(settings),
                now=lambda: datetime.now(UTC),
                after=lambda records: progress.advance(task, records),
            )
    except (NoPredictionsError, UnknownDefinitionError) as error:
        console.print(str(error), style="red", soft_wrap=True, highlight=False)
        return 2
    if not any(service.compared for service in run.services):
        console.print(f"nothing to compare: no predictions from {run.since} to {run.until}", style="red")
        return 2
    console.print(f"kept: {keep(run, settings.reports_dir)}", soft_wrap=True)
    return tell(run, settings, console, gate=options.gate)


def tell(run: ParityRun, settings: QualitySettings, console: Console, *, gate: bool) -> int:
    """Print a measurement; 1 where it is to be a gate and a bound is missed."""
    console.print(overview(run))
    for service in run.services:
        _print_differences(service, console)
    reasons = [reason for service in run.services for reason in missed(service, settings)]
    for reason in reasons:
        console.print(reason, style="red" if gate else "yellow", soft_wrap=True, highlight=False)
    return 1 if gate and reasons else 0


def overview(run: ParityRun) -> Table:
    """A line per service."""
    table = Table(title=f"Parity, {run.since:%F %T} to {run.until:%F %T} UTC", title_justify="left")
    table.add_column("service")
    for column in (
        "predictions",
        "values",
        "equal",
        "lagging",
        "stale",
        "different",
        "equal as served",
        "with lag",
    ):
        table.add_column(column, justify="right")
    for one in run.services:
        counts = (one.records, one.compared, one.equal, one.lagging, one.stale, one.different)
        table.add_row(
            one.service, *(f"{n:,}" for n in counts), _share(one.equal_ratio), _share(one.accounted_ratio)
        )
    return table


def feature_store(repo: str, yaml_file: Path | None = None) -> Any:
    """A ``feast.FeatureStore``, without Feast's warnings that stream feature views are experimental."""
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    return FeatureStore(repo_path=repo, fs_yaml_file=yaml_file)


def service_names(store: Any) -> list[str]:
    """All registered feature services, sorted."""
    return sorted(service.name for service in store.list_feature_services())


def tolerated(settings: QualitySettings) -> Tolerated:
    """The lags that the settings tolerate."""
    return Tolerated(
        events=timedelta(seconds=settings.parity_lag_seconds_max),
        tables=timedelta(hours=settings.parity_table_lag_hours_max),
    )


def _print_differences(service: ServiceParity, console: Console) -> None:
    """The features that differ, and the first value of each that does."""
    table = Table(title=f"{service.service}: features that differ", title_justify="left")
    for column in ("feature", "view"):
        table.add_column(column, overflow="fold")
    for column in ("values", "lagging", "stale", "different", "largest difference"):
        table.add_column(column, justify="right")
    table.add_column("the first of the worst", overflow="fold")
    for one in service.features:
        if one.example is not None:
            counts = (one.compared, one.lagging, one.stale, one.different)
            largest = "" if one.largest_difference is None else f"{one.largest_difference:.6g}"
            table.add_row(one.feature, one.view, *(f"{n:,}" for n in counts), largest, _told(one.example))
    if table.rows:
        console.print(table)


def _told(example: Example) -> str:
    keys = " ".join(str(key) for key in example.keys.values() if key is not None)
    clock = "" if example.row_timestamp is None else f", row of {example.row_timestamp:%T.%f}"
    return (
        f"{example.standing}: served {example.served}, history {example.recomputed}; "
        f"{keys} at {example.read:%F %T.%f}{clock}, request {example.request_id}"
    )


def _share(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.4%}"
