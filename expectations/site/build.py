"""Builds the site from what was kept; the prediction log is the only thing that is read row by row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from artefact.folder import write_atomically
from expectations.drift.record import DriftDay, PerformanceDay
from expectations.freshness.record import FreshnessRun
from expectations.kept import KeptCheck
from expectations.parity.record import ParityRun
from expectations.quarantined import read_entries
from expectations.settings import QualitySettings
from expectations.site.area import Area
from expectations.site.drift_page import drift_area
from expectations.site.freshness_page import freshness_area
from expectations.site.gates_page import gates_area
from expectations.site.measured import daily, hourly
from expectations.site.models_page import collect_experiments, collect_versions, models_area
from expectations.site.overview import overview
from expectations.site.parity_page import Least, parity_area
from expectations.site.performance_page import performance_area
from expectations.site.quality_page import last_days, quality_area
from expectations.site.shell import OVERVIEW, Shell
from expectations.site.traffic_kept import traffic_days
from expectations.site.traffic_page import traffic_area


@dataclass(frozen=True)
class Site:
    """A site of the reports' folder.

    Attributes:
        settings: Where things lie and how many days are shown.
        now: The present, aware.
        tell: Told what is being read.
    """

    settings: QualitySettings
    now: datetime
    tell: Callable[[str], None]

    @property
    def folder(self) -> Path:
        """Where its pages lie."""
        return self.settings.reports_dir.resolve()

    def build(self, checks: Sequence[KeptCheck]) -> Path:
        """Write every page; the first one's file. ``checks`` with the newest first."""
        areas = self._areas(checks)
        shell = Shell([(OVERVIEW, "Overview"), *((area.page, area.title) for area in areas)], self.now)
        pages = {area.page: shell.area(area) for area in areas}
        pages[OVERVIEW] = shell.page(OVERVIEW, "feast-shop: trust", overview(areas))
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            write_atomically(self.folder / name, text)
        return self.folder / OVERVIEW

    def _areas(self, checks: Sequence[KeptCheck]) -> list[Area]:
        settings, folder = self.settings, self.folder
        now, stale = self.now.astimezone(UTC), timedelta(hours=settings.report_stale_hours)
        days = last_days(now, settings.report_days)
        since = now - timedelta(days=settings.report_days)
        least = Least(settings.parity_equal_share_min, settings.parity_accounted_share_min)
        data = settings.data_dir.resolve()
        versions = collect_versions(data, folder)
        traffic = list(traffic_days(settings.predictions_url, folder / "traffic", days, self.tell))
        return [
            quality_area(checks, days),
            parity_area(hourly(ParityRun, folder / "parity", since), days, now, stale, least),
            freshness_area(hourly(FreshnessRun, folder / "freshness", since), days, now, stale),
            drift_area(daily(DriftDay, folder / "drift", days[0]), days, now, stale),
            performance_area(daily(PerformanceDay, folder / "performance", days[0]), days, now, stale),
            traffic_area(traffic, days, now, stale),
            gates_area(checks, read_entries(settings.quarantine_dir.resolve()), versions, days, now),
            models_area(versions, collect_experiments(data, folder)),
        ]
