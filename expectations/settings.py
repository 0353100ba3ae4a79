"""Settings of `python -m expectations` and of the gates."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connections.local_folder import LocalFolder


class QualitySettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`. Shares are of rows, between 0 and 1."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True, env_ignore_empty=True)

    data_dir: LocalFolder = Path("data")
    """The reports, and where nothing else is said the archive and the tables, lie under this folder."""
    history_root: str | None = None
    """Where archive and tables lie (`offline_store.root`), a local path or a URL that fsspec knows; by default the data folder."""
    predictions_path: str | None = None
    """Archive of the prediction log, a local path or a URL; by default `predictions` in the data folder."""

    quality_thresholds: Path | None = None
    """File (YAML) with shares of rows that must hold for single expectations; by default the settings below say."""
    gate_override: str = ""
    """Why batches that break their suites are accepted all the same; kept with them. Set it for a single run."""
    quarantine_rows_max: int = Field(default=10_000, ge=0)
    """Of a refused batch in which more rows break one expectation, the rows are not named; all of them are kept."""

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

    history_days: int = Field(default=28, ge=1)
    """A day is compared with at most so many days before it."""
    history_days_min: int = Field(default=3, ge=1)
    """With fewer days before it, a day is not compared."""
    settle_minutes: int = Field(default=10, ge=0)
    """Of a day that is not over, the last minutes are not judged: their events may be on the way to the archive."""
    volume_share_max: float = Field(default=0.1, ge=0)
    """How far the events of a day may be from what the days before let expect, beside chance."""
    volume_hour_share_max: float = Field(default=0.25, ge=0)
    """The same for one hour."""
    volume_deviations_max: float = Field(default=5, gt=0)
    """How many standard deviations a number of events may be off by chance."""
    share_chance_max: float = Field(default=1e-5, gt=0, lt=0.5)
    """How often chance alone may bring a share of rows beyond one of its bounds."""
    missed_events_max: int = Field(default=25, ge=1)
    """A day is silent too long when the days before had so many events meanwhile."""
    quantile_ratio_max: float = Field(default=2, gt=1)
    """How many times more or less than in the days before a quantile of a number may be."""
    null_share_change_max: float = Field(default=0.03, ge=0, le=1)
    """How far the nulls of a column that may have some may be from their usual share, beside chance."""
    seen_share_drop_max: float = Field(default=0.1, ge=0, le=1)
    """How far the rows whose value was seen in the days before may be below their usual share, beside chance."""
    seen_before_share_max: float = Field(default=0.01, ge=0, le=1)
    """Events whose event id an earlier day has."""
    same_instant_share_max: float = Field(default=0.01, ge=0, le=1)
    """Events that have one and the same event time."""
    lag_minutes_max: float = Field(default=10, gt=0)
    """Largest believable median from event to arrival, where the days before had no larger one."""
    offsets_missing_share_max: float = Field(default=0.05, ge=0, le=1)
    """Offsets between a day's first and last in Kafka that the archive lacks; dead letters among them."""

    label_rate_min: float = Field(default=0.0005, ge=0, le=1)
    """Smallest believable share of positive labels in a training set."""
    label_rate_max: float = Field(default=0.6, ge=0, le=1)
    """Largest believable share of positive labels in a training set."""

    drift_level: float = Field(default=0.01, gt=0, lt=1)
    """Share of false ones among the differences that are called real, after correction for many features."""
    drift_psi_max: float = Field(default=0.2, gt=0)
    """A distribution may be so far from the reference (population stability index), however sure the difference is."""
    drift_missing_change_max: float = Field(default=0.25, gt=0)
    """So far may the share of nulls be from the reference's (Cohen's h: from none to 1.6 %, from 40 % to 52 %)."""
    drift_new_categories_max: float = Field(default=0.02, ge=0, le=1)
    """Largest share of values that the model does not know."""
    drift_day_rows_min: int = Field(default=200, ge=20)
    """A day with fewer predictions is not judged."""
    drift_hour_rows_min: int = Field(default=100, ge=20)
    """An hour with fewer predictions is not judged."""
    drift_reference_rows_min: int = Field(default=500, ge=20)
    """With fewer reference rows of the same hours and weekday, those of other days are taken, too."""

    label_delay_days: float = Field(default=7, gt=0)
    """How long after an order its chargeback is waited for before the order is judged; what comes later does not count."""
    label_patience_minutes: float = Field(default=30, gt=0)
    """An order belongs to the last prediction for the same customer and product that was made at most so long before."""
    label_rate_factor_max: float = Field(default=3, gt=1)
    """So many times the reference's share of devices with a chargeback may a day have, or that part of it, beside chance."""
    performance_positives_min: int = Field(default=10, ge=2)
    """A day with fewer chargebacks says nothing about ranking."""
    performance_auc_drop_max: float = Field(default=0.1, gt=0, lt=1)
    """So far below the reference may the AUC of a day be, beside chance."""
    performance_calibration_factor_max: float = Field(default=3, gt=1)
    """So many times too many, or too few, chargebacks may a model predict for a day, beside chance."""

    failure_examples: int = Field(default=5, ge=1)
    """Example rows in the report of a failing expectation."""
    summary_rows_max: int = Field(default=500, ge=1)
    """Checks on the page of data quality and validation results in the data docs, newest first."""

    parity_sample: int = Field(default=2_000, ge=1)
    """About how many predictions of an interval are computed again."""
    parity_lag_seconds_max: float = Field(default=5, gt=0)
    """How long an event may be on its way to the online store: a difference that follows from no more is explained."""
    parity_table_lag_hours_max: float = Field(default=26, gt=0)
    """The same for rows of tables until they are materialized."""
    parity_equal_share_min: float = Field(default=0.99, ge=0, le=1)
    """Gate of parity: share of served values that are equal to history as they were served."""
    parity_accounted_share_min: float = Field(default=0.9999, ge=0, le=1)
    """Gate of parity: share of served values that are equal once lag is taken into account."""
    parity_gate_hours: float = Field(default=24, gt=0)
    """Measurements of parity that are older are of no account when a model is promoted."""
    report_days: int = Field(default=30, ge=2)
    """Days that the pages of the report show."""
    report_stale_hours: float = Field(default=48, gt=0)
    """A good verdict of the report that was measured longer ago than this is not known any more."""

    freshness_target_seconds: float = Field(default=1, gt=0)
    """Promise for windowed views: from an event until it is readable."""
    freshness_table_target_hours: float = Field(default=26, gt=0)
    """Promise for views of tables: from a row's creation until it is served."""
    freshness_targets: dict[str, float] = {}
    """Other promises, in seconds by view, as JSON: `{"user_views": 2}`."""
    freshness_objective: float = Field(default=0.99, gt=0, lt=1)
    """Share of observations that keep the promise; the rest is the error budget."""
    freshness_budget_hours: float = Field(default=720, gt=0)
    """Time for which the error budget is meant."""
    freshness_workers: tuple[str, ...] = ()
    """Where stream workers serve their metrics, `host:port`, as JSON; a name with several addresses stands for as many workers;
    by default what `make up` left in the data folder."""

    @property
    def stream_workers(self) -> tuple[str, ...]:
        """`freshness_workers`, or the worker of this machine; empty where none is known."""
        left = self.data_dir / "services" / "stream.addr"
        return self.freshness_workers or ((left.read_text().strip(),) if left.exists() else ())

    @property
    def predictions_url(self) -> str:
        """`predictions_path`, or its place in the data folder."""
        return self.predictions_path or str(self.data_dir / "predictions")

    @property
    def archive_url(self) -> str:
        """Folder of the archives, one below it for each event type; a local path is absolute."""
        return f"{self._root}/archive"

    @property
    def tables_url(self) -> str:
        """Folder of the tables, one below it for each; a local path is absolute."""
        return f"{self._root}/tables"

    @property
    def _root(self) -> str:
        root = (self.history_root or str(self.data_dir)).rstrip("/")
        return root if "://" in root else str(Path(root).resolve())

    @property
    def models_dir(self) -> Path:
        """Folder of the model artefacts."""
        return self.data_dir / "models"

    @property
    def quarantine_dir(self) -> Path:
        """Rows that broke an expectation."""
        return self.data_dir / "quarantine"

    @property
    def reports_dir(self) -> Path:
        """Data docs, the summary page, results."""
        return self.data_dir / "reports"
