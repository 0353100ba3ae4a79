"""Settings of `python -m expectations watch`."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from expectations.settings import QualitySettings

TASKS: Final = ("parity", "freshness", "checks", "drift")
"""What is repeated; modules of `expectations.watch.tasks`."""


class WatchSettings(QualitySettings):
    """What the watch does by itself; how it measures is in `QualitySettings`."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    parity_every_seconds: float = Field(default=900, ge=0)
    """How often the newest predictions are computed again from history; 0: never."""
    freshness_every_seconds: float = Field(default=300, ge=0)
    """How often the freshness of the views is measured; 0: never."""
    checks_every_seconds: float = Field(default=21_600, ge=0)
    """How often the newest days of the archive are held to their suites; 0: never."""
    drift_every_seconds: float = Field(default=3_600, ge=0)
    """How often it is looked whether a day of predictions is over that was not held against training; 0: never."""
    quality_task_seconds_max: float = Field(default=3_600, gt=0)
    """How long a task of the watch may take; then it is ended, and has failed."""
    quality_metrics_host: str = "127.0.0.1"
    """Address on which /metrics and /health are served."""
    quality_metrics_port: int = Field(default=8004, ge=0, le=65535)
    """Port for them; 0 takes a free one and logs it."""
    log_level: str = Field(default="info", pattern="^(critical|error|warning|info|debug)$")
    """From which level on lines are logged."""

    @property
    def every_seconds(self) -> Mapping[str, float]:
        """Interval of each task that is wanted."""
        intervals = {
            "parity": self.parity_every_seconds,
            "freshness": self.freshness_every_seconds,
            "checks": self.checks_every_seconds,
            "drift": self.drift_every_seconds,
        }
        return {task: intervals[task] for task in TASKS if intervals[task]}
