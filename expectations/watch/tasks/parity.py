"""The newest predictions against history."""

from datetime import UTC, datetime
from pathlib import Path

from expectations.parity.meter import Question, measure
from expectations.parity.record import keep, kept
from expectations.parity.report import ARCHIVES_LAG, HOUR, feature_store, service_names, tolerated
from expectations.served import ServedLog
from expectations.settings import QualitySettings
from expectations.watch.outcome import Outcome


def run(repo: Path, settings: QualitySettings, now: datetime) -> Outcome:
    """Measure what was served since the newest measurement, of the last hour at most, and keep the record.

    Raises:
        NoPredictionsError: nothing is archived.
    """
    store, until = feature_store(str(repo)), now - ARCHIVES_LAG
    since = max([until - HOUR, *(one.until for one in kept(settings.reports_dir, 1))])
    if since >= until:
        return Outcome(nothing=f"what was served up to {since:%F %T} was measured already")
    question = Question(service_names(store), since, until, settings.parity_sample)
    log = ServedLog(settings.predictions_url)
    found = measure(store, log, question, tolerated(settings), now=lambda: datetime.now(UTC))
    if not any(service.compared for service in found.services):
        return Outcome(nothing=f"no predictions to compare from {since:%F %T} to {until:%F %T}")
    keep(found, settings.reports_dir)
    return Outcome(parity=found)
