"""A service level objective and the rules that follow from it: a ratio per window, and an alert per pair of windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Rule = dict[str, object]


@dataclass(frozen=True)
class Burn:
    """An alert on a budget that burns so many times too fast, over a long window and still over a short one.

    Attributes:
        factor: 1 uses up the budget of 30 days in 30 days.
        long: Window that makes it significant, as Prometheus writes durations.
        short: Window that ends the alert soon after the trouble.
        wait: How long it must hold.
        severity: ``page`` wakes somebody, ``ticket`` waits for the morning.
    """

    factor: float
    long: str
    short: str
    wait: str
    severity: str


BURNS: Final = (
    Burn(14.4, "1h", "5m", "2m", "page"),
    Burn(6, "6h", "30m", "15m", "page"),
    Burn(3, "1d", "2h", "1h", "ticket"),
    Burn(1, "3d", "6h", "3h", "ticket"),
)
"""2 % of a month's budget in an hour, 5 % in six, 10 % in a day, 10 % in three (the SRE workbook's multi-window table)."""

WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
RATIO: Final = "slo:bad_ratio:rate"
"""What the ratios of all objectives are recorded as, followed by the window, with a label ``slo``."""


@dataclass(frozen=True)
class Objective:
    """A share of what happens that has to be good.

    Attributes:
        name: Value of the label ``slo``.
        alert: Name of its alert.
        target: The share, such as 0.999.
        good: PromQL of how much was good, per second, with ``WINDOW`` where the window stands.
        total: PromQL of how much there was, with the same labels.
        promise: What is promised, in words, for the alert's summary.
        consequence: What a missed promise means, for its description.
        labels: Labels besides ``slo`` that the ratio is kept by.
    """

    name: str
    alert: str
    target: float
    good: str
    total: str
    promise: str
    consequence: str
    labels: tuple[str, ...] = ()

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.target, 9)

    def ratio(self, window: str) -> str:
        """PromQL of the bad share over a window; nothing good at all is a ratio of 1, nothing at all is none."""
        good, total = self.good.replace("WINDOW", window), self.total.replace("WINDOW", window)
        return f"1 - (({good}) or 0 * ({total})) / ({total})"

    def recordings(self) -> Iterator[Rule]:
        """One rule per window."""
        for window in WINDOWS:
            yield {"record": RATIO + window, "expr": self.ratio(window), "labels": {"slo": self.name}}

    def alerts(self) -> Iterator[Rule]:
        """One rule per burn, all with one name."""
        for burn in BURNS:
            bound = f'{{slo="{self.name}"}} > {burn.factor:g} * {self.budget:g}'
            yield {
                "alert": self.alert,
                "expr": f"{RATIO}{burn.long}{bound} and {RATIO}{burn.short}{bound}",
                "for": burn.wait,
                "labels": {"severity": burn.severity, "window": burn.long},
                "annotations": self._annotations(burn),
            }

    def _annotations(self, burn: Burn) -> Rule:
        of = "".join(f", {label} {{{{ $labels.{label} }}}}" for label in self.labels)
        return {
            "summary": f"{self.promise}{of}: the error budget burns at {burn.factor:g} times its pace",
            "description": f"{{{{ $value | humanizePercentage }}}} were bad in the last {burn.long}, "
            f"{self.budget:.4g} of all is what may be. {self.consequence}",
            "runbook": runbook(self.alert),
        }


def runbook(alert: str) -> str:
    """Where an alert is explained."""
    return f"docs/runbook.md#{alert.lower()}"
