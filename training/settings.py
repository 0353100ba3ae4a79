"""Settings of the training programs, read once at the entry point from the environment (``SHOP_...``)."""

from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connections.local_folder import LocalFolder


class TrainingSettings(BaseSettings):
    """Everything a training may be told; each field is an environment variable with the prefix ``SHOP_``."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True, extra="ignore")

    data_dir: LocalFolder = Path("data")
    """Folder with ``models/`` below it."""
    gate_override: str = ""
    """Why a training set that breaks its expectations is taken all the same; kept in the card. `--accept-batch` sets it."""
    training_seed: int = 7
    """Seed of every draw."""
    training_data_end: AwareDatetime | None = None
    """Train as if the data ended here; by default just behind the newest order."""
    training_promote: bool = True
    """Whether a trained model that passes its checks becomes the champion."""
    training_calibration_error_max: float = Field(default=0.02, gt=0)
    """Check: largest mean distance between predicted and observed probabilities on held-out rows."""
    training_scoring_microseconds_max: float = Field(default=200, gt=0)
    """Check: longest time of scoring one row (median, one thread)."""
    training_bootstrap_draws: int = Field(default=100, ge=20)
    """How often customers are drawn for the intervals of figures."""
    training_git_revision: str | None = None
    """Revision of the code for the card; by default what git says of the working tree."""
    mlflow_tracking_uri: str | None = None
    """Where set, finished trainings are logged there as well; needs ``pip install mlflow-skinny``."""
    training_max_categories: int = Field(default=64, ge=1)
    """A string feature with more values than this is no input of a model."""
    training_excluded_inputs: tuple[str, ...] = ("user_signup_seconds",)
    """Features of the services that no model reads: a point in time, which only ever grows."""
    training_threads: int = Field(default=1, ge=1)
    """Threads that fit an estimator. Where other programs share the cores, more than one waits on itself."""

    fraud_service: str = "fraud_v1"
    fraud_train_days: float = Field(default=14, gt=0)
    """Length of each window that a model is fitted on."""
    fraud_folds: int = Field(default=3, ge=1)
    """Windows behind one another on which candidates compete; calibration and thresholds come from them too."""
    fraud_fold_days: float = Field(default=3, gt=0)
    """Length of each of these windows."""
    fraud_label_delay_days: float = Field(default=7, ge=0)
    """How long after an order its chargeback is waited for."""
    fraud_test_days: float = Field(default=7, gt=0)
    fraud_max_orders: int = Field(default=120_000, ge=1_000)
    """Of more good orders than this in the longest training window a share is drawn and weighted; frauds all stay."""
    fraud_reference_rows: int = Field(default=40_000, ge=1_000)
    """So many of the rows it was fitted on are kept beside a model, for predictions to be held against."""
    fraud_missed_cost: float = Field(default=150, gt=0)
    """Cost of a fraud that goes through, in the shop's currency."""
    fraud_blocked_cost: float = Field(default=100, gt=0)
    """Cost of a good order that is blocked."""
    fraud_review_cost: float = Field(default=3, ge=0)
    """Cost of one manual review."""
    fraud_reviews_per_day: float = Field(default=100, gt=0)
    """How many orders a day people can look at."""
    fraud_rule_amount_ratio: float = Field(default=5, gt=0)
    """Rules baseline: suspicious from this multiple of the customer's mean amount."""
    fraud_rule_orders_10m: float = Field(default=3, gt=0)
    """Rules baseline: suspicious from this many orders of the customer or device in ten minutes."""

    fraud_leak_auc: float = Field(default=0.99, gt=0.5, le=1)
    """A model that is better than this on days it never saw has seen the labels: the training is refused."""

    fraud_scenarios: Path | None = None
    """Table (parquet) of ``order_id`` and ``scenario`` where somebody knows kinds of fraud, to show recall by kind; by
    default the simulator's ``ground_truth/orders.parquet`` of the data folder, where it is. No model sees it."""

    recommendation_service: str = "recommendation_v1"
    recommendation_train_days: float = Field(default=7, gt=0)
    """Length of the window the ranker's instants are drawn from; the last quarter is for validation."""
    recommendation_test_days: float = Field(default=5, gt=0)
    recommendation_lookback_days: float = Field(default=14, gt=0)
    """How far back co-visits and popularity are counted."""
    recommendation_horizon_hours: float = Field(default=24, gt=0)
    """The score is the probability of an order within this time."""
    recommendation_candidates: int = Field(default=30, ge=1)
    """Candidates kept of each product, besides itself."""
    recommendation_popular: int = Field(default=100, ge=20)
    """Popular products kept."""
    recommendation_slate_size: int = Field(default=50, ge=20)
    """Products of a slate: first the candidates of the product looked at last, then popular ones."""
    recommendation_instants: int = Field(default=10_000, ge=100)
    """Page views drawn from the training window."""
    recommendation_negative_share: float = Field(default=0.06, gt=0, le=1)
    """Share of a slate's products that were not ordered which is kept, weighted by its inverse."""
    recommendation_test_orders: int = Field(default=700, ge=10)
    """Held-out orders that the full ranking is evaluated on."""
    recommendation_held_out_share: float = Field(default=0.25, gt=0, lt=1)
    """Share of the customers that the ranker never trains on."""
    recommendation_session_gap_minutes: float = Field(default=30, gt=0)
    """A customer who looks at nothing for this long begins a new session."""

    predictions_path: str | None = None
    """Archive of the prediction log, a local path or a URL; by default ``predictions`` in the data folder."""
    experiment_order_minutes: float = Field(default=30, gt=0)
    """An order belongs to the last prediction for the same customer and product that was made at most so long before."""

    @property
    def predictions_url(self) -> str:
        """`predictions_path`, or its place in the data folder."""
        return self.predictions_path or str(self.data_dir / "predictions")

    @property
    def models_dir(self) -> Path:
        """Folder of the artefacts."""
        return self.data_dir / "models"

    @property
    def scenarios_file(self) -> Path:
        """Where kinds of fraud are known, if anywhere."""
        return self.fraud_scenarios or self.data_dir / "ground_truth" / "orders.parquet"

    @property
    def horizon(self) -> timedelta:
        """Time within which an order counts as an answer to a recommendation."""
        return timedelta(hours=self.recommendation_horizon_hours)
