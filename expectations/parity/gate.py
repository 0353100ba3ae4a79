"""Whether a service's parity is good enough to rely on a model that reads it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from expectations.parity.record import ParityRun, ServiceParity
from expectations.settings import QualitySettings


def missed(service: ServiceParity, settings: QualitySettings) -> list[str]:
    """What a service misses, a sentence each; nothing where nothing was compared."""
    equal, accounted = service.equal_ratio, service.accounted_ratio
    if equal is None or accounted is None:
        return []
    found = []
    if equal < settings.parity_equal_share_min:
        found.append(
            f"{equal:.4%} of {service.compared:,} values of {service.service} equal history as served, "
            f"at least {settings.parity_equal_share_min:.4%} are wanted"
        )
    if accounted < settings.parity_accounted_share_min:
        found.append(
            f"{service.unexplained:,} of {service.compared:,} values of {service.service} are not explained by lag "
            f"({', '.join(_worst(service))}), at least {settings.parity_accounted_share_min:.4%} must be accounted for"
        )
    return found


def newest(
    runs: Iterable[ParityRun], service: str, settings: QualitySettings, now: datetime
) -> tuple[datetime, ServiceParity] | None:
    """The newest measurement of a service that is of account, and when it was made.

    Args:
        runs: The newest first; no more of them are taken than it needs.
        service: Name of the feature service.
        settings: For how long a measurement is of account.
        now: The present, aware.

    Returns:
        None where nothing was compared, or too long ago.
    """
    oldest = now - timedelta(hours=settings.parity_gate_hours)
    recent = takewhile(lambda run: run.measured >= oldest, runs)
    lately = ((run.measured, one) for run in recent for one in run.services)
    return next((found for found in lately if found[1].service == service and found[1].compared), None)


def _worst(service: ServiceParity) -> list[str]:
    by_unexplained = sorted(service.features, key=lambda one: one.stale + one.different, reverse=True)
    return [one.feature for one in by_unexplained[:3] if one.stale + one.different]
