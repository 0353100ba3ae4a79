"""Two shares compared, at any time and as often as one likes.

A test that is made for one look finds a difference that is not there in a third of the experiments when it is looked at
day after day. The mixture sequential probability ratio test bounds the chance of ever being wrong: Johari, Koomen,
Pekelis and Walsh, "Always Valid Inference: Continuous Monitoring of A/B Tests", Operations Research 70 (2022), equation
(10) for two streams of Bernoulli outcomes; its confidence sequence is that of Waudby-Smith, Arbour, Sinha, Kennedy and
Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024). Both
rest on the normal approximation. One success and one failure are added to each arm (Agresti and Caffo, The American
Statistician 54 (2000)), so that an arm without any success is not certain of it.
"""

from dataclasses import dataclass
from math import exp, log, sqrt


@dataclass(frozen=True)
class Outcomes:
    """Units of an arm, independent of each other, and how many of them had the outcome."""

    units: int
    successes: int

    @property
    def rate(self) -> float | None:
        """Share with the outcome; None without units."""
        return self.successes / self.units if self.units else None


@dataclass(frozen=True)
class Difference:
    """Rate of one arm less that of another.

    Attributes:
        estimate: Best guess.
        low: Lower bound; the chance that it is ever on the wrong side, at whatever time one looks, is bounded.
        high: Upper bound.
        p_value: Always valid: at most ``p`` of the experiments without a difference ever get below ``p``.
    """

    estimate: float
    low: float
    high: float
    p_value: float

    @property
    def decided(self) -> bool:
        """Whether the bounds leave 0 out."""
        return self.low > 0 or self.high < 0


def compare(champion: Outcomes, challenger: Outcomes, *, effect: float, level: float = 0.95) -> Difference:
    """The challenger's rate less the champion's.

    Args:
        champion: Its outcomes so far.
        challenger: Its outcomes so far.
        effect: Size of difference that the experiment is for, chosen before it: there the bounds are tightest for the
            units they need (standard deviation of the mixture). Another one costs time, never validity.
        level: Chance that the bounds always hold.
    """
    (before, before_variance), (after, after_variance) = _smoothed(champion), _smoothed(challenger)
    estimate, variance, mixture = after - before, before_variance + after_variance, effect**2
    wide = variance + mixture
    half = sqrt(2 * variance * wide / mixture * log(sqrt(wide / variance) / (1 - level)))
    evidence = sqrt(variance / wide) * exp(min(700.0, mixture * estimate**2 / (2 * variance * wide)))
    return Difference(estimate, estimate - half, estimate + half, min(1.0, 1 / evidence))


def _smoothed(outcomes: Outcomes) -> tuple[float, float]:
    """Share and its variance, with one success and one failure more."""
    share = (outcomes.successes + 1) / (outcomes.units + 2)
    return share, share * (1 - share) / (outcomes.units + 2)
