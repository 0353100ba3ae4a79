"""How long the report site takes to build for a month and a million predictions, and what a browser says of it."""

import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psutil

from tests.benchmarks.report import Bar, Report, progress
from tests.browser import Browser, chromium
from tests.kept_reports import DAYS, NOW, keep_models, keep_reports
from tests.prediction_log import FEATURES, write_day

PREDICTIONS = 1_000_000
SECONDS_MOST, AGAIN_SECONDS_MOST = 60.0, 10.0
GIB_MOST = 2.0
WIDTHS = (390, 1280)
_BUILD = """
import sys
from datetime import datetime
from expectations.reports import Reports
from expectations.settings import QualitySettings
Reports(QualitySettings(), lambda: datetime.fromisoformat(sys.argv[1])).build()
"""
"""`python -m expectations report` at an instant of the past."""


def measure(report: Report) -> None:
    """Add the bars."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _fill(data)
        log = sum(file.stat().st_size for file in data.glob("predictions/*/*.parquet"))
        seconds, most = _build(data)
        again, _ = _build(data)
        report.add(
            Bar("site of 1,000,000 predictions", seconds, "s", least=SECONDS_MOST, lower_is_better=True)
        )
        report.add(Bar("its memory", most, "GiB", least=GIB_MOST, lower_is_better=True))
        report.add(Bar("site, nothing new", again, "s", least=AGAIN_SECONDS_MOST, lower_is_better=True))
        _look(data / "reports", report)
        report.note(
            f"site: {DAYS} days, {len(FEATURES)} features, a log of {log / 2**20:,.0f} MiB; hourly records of parity and "
            "freshness, daily ones of drift and performance; the process's start and its imports are in the seconds"
        )


def _fill(data: Path) -> None:
    keep_reports(data / "reports")
    keep_models(data)
    with progress() as bar:
        task = bar.add_task("prediction log", total=DAYS)
        for age in range(DAYS):
            rows = PREDICTIONS // DAYS + (age < PREDICTIONS % DAYS)
            write_day(data / "predictions", NOW.date() - timedelta(days=age), rows)
            bar.advance(task)


def _build(data: Path) -> tuple[float, float]:
    """Build in a process of its own; its seconds and the most memory it held, in GiB."""
    began = time.perf_counter()
    environment = os.environ | {"SHOP_DATA_DIR": str(data)}
    process = psutil.Popen([sys.executable, "-c", _BUILD, NOW.isoformat()], env=environment)
    most = 0
    while process.poll() is None:
        most = max(most, _resident(process))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"the site was not built: exit status {process.returncode}")
    return time.perf_counter() - began, most / 2**30


def _resident(process: psutil.Popen) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _look(site: Path, report: Report) -> None:
    """Each page at each width: what the browser complains of, and what does not fit."""
    if chromium() is None:
        report.note("no Chromium is installed: nobody looked at the pages")
        return
    wrong, pages = [], sorted(site.glob("*.html"))
    with Browser.started() as browser:
        for page in pages:
            for width in WIDTHS:
                browser.open(page, width)
                if browser.evaluate("document.documentElement.scrollWidth") > width:
                    wrong.append(f"{page.name} is wider than {width} px")
        wrong += browser.complaints
    for line in wrong:
        report.note(line)
    report.add(
        Bar(f"complaints of Chromium, {len(pages)} pages", len(wrong), "", least=0, lower_is_better=True)
    )
