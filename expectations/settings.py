"""Settings of `python -m expectations` and of the gates."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class QualitySettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`. Shares are of rows, between 0 and 1."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True, env_ignore_empty=True)

    data_dir: Path = Path("data")
    """The archive, the tables and the reports lie under this folder."""

    repeated_share_max: float = Field(default=0.05, ge=0, le=1)
    """Events whose event id occurs more than once in the batch (every occurrence is counted)."""
    early_arrival_share_max: float = Field(default=0.001, ge=0, le=1)
    """Events that arrived before they happened."""
    unknown_key_share_max: float = Field(default=0.05, ge=0, le=1)
    """Events of a product that the shop's tables do not name."""
    tolerated_rows_min: int = Field(default=4, ge=0)
    """However small a batch, so many rows may be repeated, early or of an unknown product."""
    null_share_max: float = Field(default=0, ge=0, le=1)
    """Nulls in a column that may have none."""
    out_of_range_share_max: float = Field(default=0, ge=0, le=1)
    """Values outside what the definition allows."""

    distribution_rows_min: int = Field(default=1_000, ge=1)
    """Distributions are only judged on batches of at least so many rows."""
    amount_median_min: float = Field(default=1, ge=0)
    """Smallest believable median of the amounts of a batch of orders."""
    amount_median_max: float = Field(default=1_000, gt=0)
    """Largest believable median of the amounts of a batch of orders."""
    amount_quantile_99_max: float = Field(default=20_000, gt=0)
    """Largest believable 99th percentile of the amounts of a batch of orders."""

    label_rate_min: float = Field(default=0.0005, ge=0, le=1)
    """Smallest believable share of positive labels in a training set."""
    label_rate_max: float = Field(default=0.6, ge=0, le=1)
    """Largest believable share of positive labels in a training set."""

    failure_examples: int = Field(default=5, ge=1)
    """Example rows in the report of a failing expectation."""
    summary_rows_max: int = Field(default=500, ge=1)
    """Checks on the summary page and validation results in the data docs, newest first."""

    def tolerated(self, share: float, rows: int | None) -> float:
        """A share of rows that is tolerated, widened to `tolerated_rows_min` rows where a batch is small."""
        return share if not rows or not share else min(1.0, max(share, self.tolerated_rows_min / rows))

    @property
    def reports_dir(self) -> Path:
        """Data docs, the summary page, results and refused batches."""
        return self.data_dir / "reports"
