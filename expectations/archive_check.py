"""Holds days of the archive to their suites, tells the console, and builds the reports."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from feast import FeatureStore
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from expectations.archive import check_partitions
from expectations.checking import CheckResult
from expectations.days import Partition, joined, partitions
from expectations.definitions import event_names
from expectations.reports import Reports
from expectations.settings import QualitySettings


def check_archive(
    console: Console, repo: Path, events: Sequence[str], days: Sequence[date], *, whole: bool
) -> int:
    """Hold the archive to its suites, each day or (`whole`) all days at once, and build the reports; the exit status."""
    settings = QualitySettings()
    store = FeatureStore(repo_path=str(repo))
    found = partitions(settings, events or event_names(store), days)
    if not found:
        console.print(
            f"nothing to check: no such day in {settings.archive_url}; SHOP_DATA_DIR names the data folder, "
            "SHOP_HISTORY_ROOT where archive and tables lie elsewhere",
            style="red",
        )
        return 2
    if whole:
        found = joined(found)
    reports = Reports(settings)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("checking", total=len(found))
        results = list(check_partitions(store, found, settings, reports, lambda: progress.advance(task)))
    console.print(_table(results))
    for _, result in results:
        if not result.success:
            console.print(str(result), style="red", markup=False, highlight=False, soft_wrap=True)
    console.print(f"reports: {reports.build()}", soft_wrap=True)
    return 0 if all(result.success for _, result in results) else 1


def _table(results: Sequence[tuple[Partition, CheckResult]]) -> Table:
    table = Table("suite", title="Archive")
    table.add_column("days", no_wrap=True)
    table.add_column("result")
    for name in ("rows", "held", "seconds"):
        table.add_column(name, justify="right")
    for partition, result in results:
        table.add_row(
            result.suite,
            partition.name,
            "[green]passed[/]" if result.success else "[red]failed[/]",
            f"{result.rows:,}",
            f"{result.statistics['successful_expectations']} of {result.statistics['evaluated_expectations']}",
            f"{result.seconds:.2f}",
        )
    return table
