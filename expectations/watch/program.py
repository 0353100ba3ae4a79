"""Composes the watch, and lets it work until SIGTERM or SIGINT."""

import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from pydantic import ValidationError

from daemons.metrics_server import MetricsServer, PortTakenError
from daemons.stopping import stop_on_signal
from expectations.exporter import QualityMetrics
from expectations.watch.log import say, set_up
from expectations.watch.process import Processes, task_command
from expectations.watch.schedule import Schedule
from expectations.watch.settings import WatchSettings
from expectations.watch.status import Status
from expectations.watch.watcher import Watcher, log


def watch(repo: Path) -> int:
    """Repeat the tasks; the exit status: 0, 1 where it cannot listen, 2 where a setting is wrong or there is no task.

    Args:
        repo: Folder of feature_store.yaml.
    """
    try:
        settings = WatchSettings()
    except ValidationError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2
    set_up(settings.log_level)
    if not settings.every_seconds:
        say(log, logging.ERROR, "every interval is 0: set SHOP_PARITY_EVERY_SECONDS or its neighbours")
        return 2
    try:
        _run(repo, settings, stop_on_signal())
    except PortTakenError as error:
        say(log, logging.ERROR, str(error))
        return 1
    return 0


def _run(repo: Path, settings: WatchSettings, stop: Event) -> None:
    every = settings.every_seconds
    metrics = QualityMetrics(settings, tuple(every))
    status = Status(metrics.registry, tuple(every), time.monotonic)
    server = MetricsServer(
        settings.quality_metrics_host, settings.quality_metrics_port, status, "SHOP_QUALITY_METRICS"
    )
    say(
        log,
        logging.INFO,
        "listening",
        host=settings.quality_metrics_host,
        port=server.port,
        every_seconds=every,
    )
    try:
        Watcher(
            schedule=Schedule(every, time.monotonic()),
            processes=Processes(task_command(repo), settings.quality_task_seconds_max, stop, status.turn),
            metrics=metrics,
            status=status,
            stop=stop,
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
        ).run()
    finally:
        server.close()
    say(log, logging.INFO, "stopped")
