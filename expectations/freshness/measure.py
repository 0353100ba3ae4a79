"""Measures freshness: from the stream workers where they answer, from what was served where they do not."""

import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from expectations.freshness import log as served
from expectations.freshness import stream
from expectations.freshness.objective import SCHEMA, Target, held_against
from expectations.freshness.record import FreshnessRun, Source
from expectations.parity.plan import StoredView, plan
from expectations.parity.report import ARCHIVES_LAG, HOUR
from expectations.served import KEYS, ServedLog
from expectations.settings import QualitySettings

COLUMNS: Final = (*KEYS, "views")


class NoWorkerError(LookupError):
    """No stream worker answers."""


def targets(store: Any, settings: QualitySettings) -> dict[str, Target]:
    """What is promised of each stored view of the registry, by its name."""
    views = [view for view in store.list_all_feature_views() if hasattr(view, "batch_source")]
    return {
        view.name: Target(view.name, _seconds(view, settings), settings.freshness_objective)
        for view in sorted(views, key=lambda view: str(view.name))
    }


def newest(
    store: Any,
    promised: dict[str, Target],
    settings: QualitySettings,
    now: datetime,
    told: Callable[[str], None] = lambda _why: None,
) -> FreshnessRun:
    """Freshness now: from the stream workers, or where none answers from what was served in the last hour.

    Args:
        store: A ``feast.FeatureStore``.
        promised: What is promised of each view.
        settings: Where workers and archives are.
        now: The present, aware.
        told: Told why the workers were not asked.

    Raises:
        NoPredictionsError: nothing is archived either.
    """
    try:
        return from_stream(promised, settings, now)
    except NoWorkerError as error:
        told(f"{error}; told from what was served instead")
    until = now - ARCHIVES_LAG
    return from_log(store, promised, settings, until - HOUR, until)


def from_stream(promised: dict[str, Target], settings: QualitySettings, now: datetime) -> FreshnessRun:
    """Read the workers, keep the sample, and tell the time for which the budget is meant.

    Raises:
        NoWorkerError: none is known, or none answers.
    """
    workers = {worker for name in settings.stream_workers for worker in addresses(name)}
    samples = [sample for worker in sorted(workers) if (sample := _read(worker, now))]
    if not samples:
        raise NoWorkerError(
            f"no stream worker answers at {', '.join(settings.stream_workers) or 'any known address'}: start one "
            "(`make up`), or name its metrics in SHOP_FRESHNESS_WORKERS"
        )
    for sample in samples:
        stream.keep(sample, settings.reports_dir)
    since = now - timedelta(hours=settings.freshness_budget_hours)
    found = stream.observations(stream.kept(settings.reports_dir, since, now))
    wanted = {name: target for name, target in promised.items() if name in set(found["view"])}
    return _run(wanted, found, "stream", since, now)


def from_log(
    store: Any, promised: dict[str, Target], settings: QualitySettings, since: datetime, until: datetime
) -> FreshnessRun:
    """What was served in an interval against the archive.

    Raises:
        NoPredictionsError: nothing is archived.
    """
    log, views = ServedLog(settings.predictions_url), stored_views(store)
    found = [pl.DataFrame(schema=SCHEMA)]
    for start, end in log.days(since, until):
        records = log.read(start, end, COLUMNS, settings.parity_sample)
        found += [served.observations(store, view, records) for view in views]
    return _run(promised, pl.concat(found), "log", since, until)


def stored_views(store: Any) -> list[StoredView]:
    """The stored views behind all feature services, each once."""
    plans = [plan(store, service.name) for service in store.list_feature_services()]
    return list({view.name: view for one in plans for view in one.stored}.values())


def _run(
    promised: dict[str, Target], found: pl.DataFrame, source: Source, since: datetime, now: datetime
) -> FreshnessRun:
    held = (held_against(target, found, source, now) for target in promised.values())
    return FreshnessRun(now, since, now, tuple(held))


def addresses(worker: str) -> set[str]:
    """IPv4 addresses of ``host:port``: a name may stand for several workers, which count each for itself.

    A name that has none is told as it is.
    """
    host, _, port = worker.rpartition(":")
    try:
        _, _, found = socket.gethostbyname_ex(host)
    except OSError:
        return {worker}
    return {f"{address}:{port}" for address in found}


def _read(worker: str, now: datetime) -> stream.Sample | None:
    try:
        return stream.read(worker, now)
    except OSError:
        return None


def _seconds(view: Any, settings: QualitySettings) -> float:
    is_windowed = bool(getattr(view, "aggregations", None))
    usual = settings.freshness_target_seconds if is_windowed else settings.freshness_table_target_hours * 3600
    return settings.freshness_targets.get(view.name, usual)


def overspent(run: FreshnessRun) -> Sequence[str]:
    """Views that have missed their objective."""
    return [view.view for view in run.views if not view.held]
