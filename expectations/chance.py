"""What chance does to a share of rows. Pure: counts in, bounds out.

A share is known from rows of before, and shown by the rows of today; both scatter. So a bound is taken in two steps, each
of which is wrong at most half as often as the whole may be: the share could be as large as a binomial confidence bound
of the days before says (Clopper and Pearson, 1934), and of that share today could have as many rows as a binomial quantile says.

Rows that belong to one deed, such as the orders of a card test, come together. ``bunch`` is how many times more than that of
single rows the counts of the days vary, about the size of such a bunch: of n rows there are n / bunch to be drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv
from scipy.stats import binom

from expectations.settings import QualitySettings

Floats = npt.NDArray[np.float64]

_BUNCH: Final = 10
"""What history cannot rule out: as if there had been one bunch of so many rows more. It matters where there were few."""
_CORE: Final = 0.75
"""Share of the days that say what is usual; of the others, those that chance explains are counted, too."""


@dataclass(frozen=True)
class Counted:
    """Rows that have something, of all rows.

    Attributes:
        found: Rows that have it.
        rows: All rows; at least one.
        bunch: About how many come together; at least 1.
    """

    found: float
    rows: float
    bunch: float = 1.0

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.found / self.rows


def pooled(days: Sequence[Counted], level: float) -> Counted:
    """The days as one. A day on which something was wrong is left out.

    Args:
        days: At least one.
        level: How often chance may be taken for something wrong.
    """
    found = np.array([day.found for day in days], dtype=np.float64)
    rows = np.array([day.rows for day in days], dtype=np.float64)
    off = np.abs(found - np.median(found / rows) * rows) / np.sqrt(rows)
    nearest = np.argsort(off, kind="stable")[: ceil(_CORE * len(days))]
    core = _joined(found[nearest], rows[nearest])
    low, high = scatter(core, rows, level)
    explained = (low <= found / rows) & (found / rows <= high)
    explained[nearest] = True
    return _joined(found[explained], rows[explained])


def scatter(before: Counted, rows: Floats, level: float) -> tuple[Floats, Floats]:
    """The smallest and the largest share that chance lets days of so many rows have.

    Args:
        before: What is known of the share.
        rows: Rows of each day [D]; at least one.
        level: How often each of the two may be passed by chance; in (0, 1).
    """
    missing = replace(before, found=before.rows - before.found)
    return 1 - _highest(missing, rows, level), _highest(before, rows, level)


def tolerated(share: float, rows: int | None, settings: QualitySettings) -> float:
    """The share of a batch's rows that may be found where a share of all rows is tolerated.

    A batch of few rows has by chance more than its share; at least `tolerated_rows_min` rows are let pass. Where none are
    tolerated, none are; of a batch whose rows are not known, the share as it is.
    """
    if not rows or not share:
        return share
    allowed = max(float(binom.isf(settings.share_chance_max, rows, share)), settings.tolerated_rows_min)
    # Half a row more: a share of rows is a fraction that may be rounded up.
    return min(1.0, (allowed + 0.5) / rows)


def _highest(before: Counted, rows: Floats, level: float) -> Floats:
    found, others = before.found / before.bunch, (before.rows - before.found) / before.bunch
    share = float(betaincinv(found + 1, others, 1 - level / 2)) if others > 0 else 1.0
    drawn = np.ceil(rows / before.bunch)
    highest: Floats = np.minimum(1.0, binom.isf(level / 2, drawn, share) * before.bunch / rows)
    return highest


def _joined(found: Floats, rows: Floats) -> Counted:
    together, of_all = float(found.sum()), float(rows.sum())
    rarer = min(together, of_all - together)
    bunch = (rarer * _overdispersion(found, rows) + _BUNCH**2) / (rarer + _BUNCH)
    return Counted(together, of_all, float(max(1.0, bunch)))


def _overdispersion(found: Floats, rows: Floats) -> float:
    """Pearson's statistic by its degrees of freedom: 1 where single rows make the difference between days."""
    share = found.sum() / rows.sum()
    if len(rows) < 2 or not 0 < share < 1:
        return 1.0
    squares = (found - share * rows) ** 2 / (rows * share * (1 - share))
    return float(max(1.0, squares.sum() / (len(rows) - 1)))
