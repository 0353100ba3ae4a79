"""Measures freshness as it is asked for on the command line, and tells it."""

import argparse
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from expectations.freshness.measure import (
    NoWorkerError,
    from_log,
    from_stream,
    newest,
    overspent,
    targets,
)
from expectations.freshness.objective import Target
from expectations.freshness.record import FreshnessRun, ViewFreshness, keep
from expectations.parity.report import ARCHIVES_LAG, HOUR, feature_store
from expectations.served import NoPredictionsError
from expectations.settings import QualitySettings


def measure_and_tell(options: argparse.Namespace, console: Console) -> int:
    """Measure what the options ask for, keep the record and print it; the exit status."""
    settings, store = QualitySettings(), feature_store(str(options.repo))
    promised = targets(store, settings)
    try:
        run = _measured(options, store, promised, settings, console)
    except (NoWorkerError, NoPredictionsError) as error:
        console.print(str(error), style="red", soft_wrap=True, highlight=False)
        return 2
    console.print(overview(run))
    console.print(f"kept: {keep(run, settings.reports_dir)}", soft_wrap=True)
    return 1 if options.gate and overspent(run) else 0


def overview(run: FreshnessRun) -> Table:
    """A line per view."""
    table = Table(title=f"Freshness, {run.since:%F %T} to {run.until:%F %T} UTC", title_justify="left")
    for column in ("view", "from"):
        table.add_column(column)
    for column in ("observed", "promised", "p50", "p99", "missed", "budget left"):
        table.add_column(column, justify="right")
    for hours in [burn.hours for burn in run.views[0].burns] if run.views else ():
        table.add_column(f"burn {hours:g} h", justify="right")
    for view in run.views:
        table.add_row(*_cells(view), *(f"{burn.rate:.2f}" for burn in view.burns))
    return table


def _measured(
    options: argparse.Namespace,
    store: Any,
    promised: dict[str, Target],
    settings: QualitySettings,
    console: Console,
) -> FreshnessRun:
    now = datetime.now(UTC)
    if options.source is None and not (options.since or options.until):
        told = partial(console.print, style="yellow", soft_wrap=True)
        return newest(store, promised, settings, now, told)
    if options.source == "stream" and not (options.since or options.until):
        return from_stream(promised, settings, now)
    until = options.until or now - ARCHIVES_LAG
    return from_log(store, promised, settings, options.since or until - HOUR, until)


def _cells(view: ViewFreshness) -> tuple[str, ...]:
    left = f"{view.budget_remaining:.1%}"
    return (
        view.view,
        view.source,
        f"{view.observations:,}",
        _seconds(view.target_seconds),
        _seconds(view.p50_seconds),
        _seconds(view.p99_seconds),
        f"{view.missed:,}",
        left if view.held else f"[red]{left}[/]",
    )


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3g} s" if seconds < 3600 else f"{seconds / 3600:.3g} h"
