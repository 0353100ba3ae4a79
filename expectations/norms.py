"""What the figures of a day may be, given the same figures of the days before. Pure: numbers in, bounds out.

**Volume.** ``T`` is a day's number of events over the hours that are judged. A week has its rhythm and a shop grows, so
the day expected is the median of ``T[-7k] * g**k``, where ``k`` counts the weeks before and ``g`` is the median growth
from week to week; with less than two weeks it is the median of the days there are. It is spread
over the hours as the days before were, each hour the median of its shares. Around an expected number ``m`` two things
that have nothing to do with one another are allowed, so their squares add up: ``share * m`` (what no count can foresee:
weather, holidays) and ``z * sqrt(phi * m)`` (chance). ``phi`` is 1 where events come one by one (Poisson) and more where
they come in bunches: the hours of the days before tell, and for a day also the days a week apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from expectations.chance import tolerated
from expectations.profile import Profile
from expectations.settings import QualitySettings

Floats = npt.NDArray[np.float64]

_WEEK: Final = 7
_WIDER_WITHOUT_WEEKS: Final = 0.2
"""So much more of a day's volume, and as much as the days before differ, is allowed where the week is not known yet."""
_FEW_AN_HOUR: Final = 10
"""The share of an hour that has fewer events is their mean: the median of few is often none."""
_FEW: Final = 3
"""However few are expected, so many more or less are allowed."""
_QUIET_MINUTES: Final = 5
"""A break of so many minutes is none."""
_CERTAIN: Final = 1.96
"""95 % of normal deviations are within so many standard deviations."""


@dataclass(frozen=True)
class Figure:
    """One figure of a day and what it may be; None: without bound."""

    name: str
    value: float
    minimum: float | None = None
    maximum: float | None = None
    reason: str = ""


def volume_figures(
    today: Profile, before: Sequence[Profile], hours: int, settings: QualitySettings
) -> list[Figure]:
    """Events of the first `hours` hours of a day, together and each.

    Args:
        today: The day.
        before: The days before it, without gaps, the newest last; at least one.
        hours: Hours of the day that are over.
        settings: How far the volume may be off.
    """
    counts = np.array([day.hours[:hours] for day in before], dtype=np.float64)
    if not hours or not counts.sum():
        return []
    totals = counts.sum(axis=1)
    expected, known = expected_total(totals)
    shares = hourly_shares(counts)
    usual = totals[:, None] * shares
    spread = overdispersion(counts - usual, usual)
    wider = 0.0 if known else _WIDER_WITHOUT_WEEKS + float(np.ptp(totals)) / max(1.0, expected)
    reason = f"as many as the {len(before)} days before let expect"
    z, found = settings.volume_deviations_max, today.hours[:hours]
    total = _around(
        "events",
        found.sum(),
        expected,
        settings.volume_share_max + wider,
        z,
        max(spread, weekly_overdispersion(totals)),
        f"{reason}: {{}}",
    )
    share = settings.volume_hour_share_max + wider
    each = [
        _around(f"events_{h:02d}h", found[h], expected * shares[h], share, z, spread, f"{reason}: {{}}")
        for h in range(hours)
    ]
    return [total, *each]


def expected_total(totals: Floats) -> tuple[float, bool]:
    """Events of the day behind these, and whether the rhythm of the week was known."""
    weeks = min(4, len(totals) // _WEEK)
    if weeks < 2:
        return float(np.median(totals)), False
    newer, older = totals[_WEEK:], totals[:-_WEEK]
    growth = float(np.median(newer[older > 0] / older[older > 0])) if (older > 0).any() else 1.0
    candidates = [totals[-_WEEK * k] * growth**k for k in range(1, weeks + 1)]
    return float(np.median(candidates)), True


def hourly_shares(counts: Floats) -> Floats:
    """Share of each hour in a day's events: the median of the days (float64[days, hours])."""
    totals = counts.sum(axis=1)
    of_days = counts[totals > 0] / totals[totals > 0, None]
    few = np.median(counts, axis=0) < _FEW_AN_HOUR
    middle = np.where(few, of_days.mean(axis=0), np.median(of_days, axis=0))
    share: Floats = middle / middle.sum() if middle.sum() else np.full(counts.shape[1], 1 / counts.shape[1])
    return share


def overdispersion(differences: Floats, variances: Floats) -> float:
    """How many times counts vary more than those of single events; at least 1. A few odd ones do not matter.

    Args:
        differences: From what was expected.
        variances: What they would be for single events.
    """
    there = variances > 0
    if not there.any():
        return 1.0
    deviations = np.abs(differences[there]) / np.sqrt(variances[there])
    return float(max(1.0, (np.quantile(deviations, 0.95) / _CERTAIN) ** 2))


def weekly_overdispersion(totals: Floats) -> float:
    """The same for days, each beside the day a week before it and the growth; 1 where no week is known."""
    if len(totals) < 2 * _WEEK or not (older := totals[:-_WEEK]).all():
        return 1.0
    newer = totals[_WEEK:]
    growth = float(np.median(newer / older))
    # The day a week before is a count as well: both vary.
    return overdispersion(newer - growth * older, growth * (1 + growth) * older)


def silence_figure(
    today: Profile, before: Sequence[Profile], minute: int, settings: QualitySettings
) -> Figure:
    """Minutes since the newest event, at a minute of the day."""
    longest = max(
        _QUIET_MINUTES, *(_quiet_minutes(day, minute, settings.missed_events_max) for day in before)
    )
    return Figure(
        "silent_minutes",
        _quiet_minutes(today, minute, 1),
        maximum=longest,
        reason=f"the days before had at least {settings.missed_events_max} events in so many minutes up to this one",
    )


def quantile_figures(today: Profile, before: Sequence[Profile], settings: QualitySettings) -> list[Figure]:
    """Quantiles of numbers beside those of the days before: another unit moves all of them."""
    names = [(column, q) for column, of in today.quantiles.items() for q in of]
    return [
        figure
        for column, q in names
        if (figure := _quantile(today, [d.quantiles.get(column, {}).get(q) for d in before], column, q, settings))
    ]  # fmt: skip


def clock_figures(today: Profile, before: Sequence[Profile], settings: QualitySettings) -> list[Figure]:
    """Clocks that stand still, or run in another time zone."""
    usual = max((day.same_instant / day.events for day in before if day.events), default=0.0)
    share = tolerated(min(1.0, max(settings.same_instant_share_max, 3 * usual)), today.events, settings)
    # Rows of one deed, such as the lines of an invoice, are as many on a day of few rows.
    together = max((day.same_instant for day in before), default=0)
    lags = [abs(day.lag_seconds) for day in before if day.lag_seconds is not None]
    most = max(60.0 * settings.lag_minutes_max, 3 * max(lags, default=0.0))
    return [
        Figure(
            "same_instant_share",
            today.same_instant / max(1, today.events),
            maximum=min(1.0, max(share, together / max(1, today.events))),
            reason="a clock that stands still gives many events one time",
        ),
        Figure(
            "lag_seconds",
            today.lag_seconds or 0.0,
            -most,
            most,
            "median from event to arrival; a shifted time zone is a quarter of an hour or more",
        ),
    ]


def position_figures(today: Profile, before: Sequence[Profile], settings: QualitySettings) -> list[Figure]:
    """Partitions and offsets of Kafka; nothing for a day that was loaded from files."""
    if not today.partitions or today.events < settings.distribution_rows_min:
        return []
    least = min((day.partitions for day in before[-_WEEK:]), default=0)
    return [
        Figure("partitions", today.partitions, minimum=max(1, least), reason="as many as the days before"),
        Figure(
            "offsets_missing_share",
            today.offsets_missing,
            maximum=tolerated(settings.offsets_missing_share_max, today.events, settings),
            reason="messages between a partition's first and last of the day: archived or dead letters",
        ),
    ]


def _around(
    name: str, found: float, expected: float, share: float, z: float, spread: float, reason: str
) -> Figure:
    slack = float(np.hypot(share * expected, z * np.sqrt(spread * expected))) + _FEW
    low, high = float(np.floor(max(0.0, expected - slack))), float(np.ceil(expected + slack))
    return Figure(name, float(found), low, high, reason.format(f"{expected:,.0f}"))


def _quiet_minutes(day: Profile, minute: int, events: int) -> int:
    """How far before a minute of the day the newest `events` events reach back; to midnight where there are fewer."""
    backwards = np.cumsum(day.minutes[:minute][::-1])
    return int(np.searchsorted(backwards, events)) if len(backwards) else 0


def _quantile(
    today: Profile, values: Sequence[float | None], column: str, q: float, settings: QualitySettings
) -> Figure | None:
    usual = [value for value in values if value is not None]
    if len(usual) < settings.history_days_min:
        return None
    low, high, ratio = min(usual), max(usual), settings.quantile_ratio_max
    return Figure(
        f"{column}_q{q * 100:g}",
        today.quantiles[column][q],
        low / ratio if low > 0 else low * ratio or -1.0,
        high * ratio if high > 0 else high / ratio or 1.0,
        f"quantile {q:g}; from {low:.6g} to {high:.6g} in the days before, {ratio:g} times less or more is allowed",
    )
