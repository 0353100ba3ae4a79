"""What the shares of a day's rows may be, given those of the days before. Pure: numbers in, bounds out.

Two things that have nothing to do with one another are allowed, so their squares add up: a share that no count can foresee
(a page that asks for less, a campaign), and what chance does to the rows of the day and to those of the days before
(`expectations.chance`). On a day of few rows chance is wide, on a day of many hardly anything.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from expectations.chance import Counted, pooled, scatter
from expectations.norms import Figure
from expectations.profile import Profile
from expectations.settings import QualitySettings

SEEN_DAYS: Final = 7
"""Values count as seen that one of so many days before had; a week, since weekends have customers of their own."""
_USUAL_SEEN: Final = 0.5
"""Columns of which fewer values are usually known are left out: sessions are always new."""


def null_figures(today: Profile, before: Sequence[Profile], settings: QualitySettings) -> list[Figure]:
    """Shares of nulls in columns that may have some, beside the days before that had the column."""
    figures = []
    for column, share in today.null_shares.items():
        days = [day for day in before if day.events and column in day.null_shares]
        if not days:
            continue
        counted = [Counted(round(day.null_shares[column] * day.events), day.events) for day in days]
        usual = pooled(counted, settings.share_chance_max)
        low, high = _around(usual, today.events, settings.null_share_change_max, settings)
        reason = f"{usual.share:.3g} is usual in the days before"
        figures.append(Figure(f"{column}_null_share", share, low, high, reason))
    return figures


def known_figures(
    today: Mapping[str, Counted], before: Mapping[str, Sequence[Counted]], settings: QualitySettings
) -> list[Figure]:
    """Shares of rows whose value was seen in the days before; columns in which that is not usual are left out.

    Args:
        today: Rows whose value was seen, by column.
        before: The same of days before, by column; the one that lets expect most is taken.
        settings: How far a share may fall.
    """
    figures = []
    for column, seen in today.items():
        usual = [day for day in before.get(column, ()) if day.share >= _USUAL_SEEN]
        lows = [_around(day, seen.rows, settings.seen_share_drop_max, settings)[0] for day in usual]
        if lows:
            expected = usual[int(np.argmax(lows))].share
            reason = f"values seen in the {SEEN_DAYS} days before; {expected:.3g} is usual"
            figures.append(Figure(f"{column}_seen_share", seen.share, minimum=max(lows), reason=reason))
    return figures


def _around(usual: Counted, rows: float, slack: float, settings: QualitySettings) -> tuple[float, float]:
    lows, highs = scatter(usual, np.array([rows], dtype=np.float64), settings.share_chance_max)
    low = usual.share - np.hypot(slack, usual.share - lows[0])
    high = usual.share + np.hypot(slack, highs[0] - usual.share)
    return max(0.0, float(low)), min(1.0, float(high))
