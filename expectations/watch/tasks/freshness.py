"""Feature views against what is promised of their freshness."""

from datetime import datetime
from pathlib import Path

from expectations.freshness.measure import newest, targets
from expectations.freshness.record import keep
from expectations.parity.report import feature_store
from expectations.settings import QualitySettings
from expectations.watch.outcome import Outcome


def run(repo: Path, settings: QualitySettings, now: datetime) -> Outcome:
    """Measure, at the stream workers or in what was served, and keep the record.

    Raises:
        NoPredictionsError: no worker answers, and nothing is archived.
    """
    store = feature_store(str(repo))
    found = newest(store, targets(store, settings), settings, now)
    if not any(view.observations for view in found.views):
        return Outcome(
            nothing="no event became readable, and nothing was served, that freshness could be told from"
        )
    keep(found, settings.reports_dir)
    return Outcome(freshness=found)
