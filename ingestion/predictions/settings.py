"""Settings of the archive of predictions."""

from pydantic import Field

from ingestion.stream.broker_settings import BrokerSettings


class PredictionSettings(BrokerSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    topic_partitions: int = Field(default=4, ge=1)
    """Partitions of the topic where it does not exist yet."""

    predictions_topic: str = "predictions"
    """Topic of the prediction log."""
    predictions_path: str | None = None
    """Folder of the archive, a local path or a URL that fsspec knows; by default predictions in the data folder."""
    predictions_group: str = "shop_predictions"
    """Consumer group; one of its members archives, the others stand by."""
    predictions_session_seconds: float = Field(default=6.0, ge=6.0)
    """How long a member may be silent before another takes its place."""
    predictions_archive_seconds: float = Field(default=10.0, gt=0)
    """Longest time that a prediction waits for its file; offsets are committed behind it."""
    predictions_archive_max_rows: int = Field(default=20_000, ge=1)
    """Most predictions that wait for their file."""
    predictions_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long Kafka may take to answer at the start, and to take a dead letter."""
    predictions_metrics_host: str = "127.0.0.1"
    """Address on which /metrics and /health are served."""
    predictions_metrics_port: int = Field(default=8002, ge=0, le=65535)
    """Port for them; 0 takes a free one and logs it."""

    @property
    def parts_topic(self) -> str:
        """Topic without messages whose one partition says who archives."""
        return f"{self.predictions_group}_parts"

    @property
    def archive_url(self) -> str:
        """`predictions_path`, or its place in the data folder."""
        return self.predictions_path or str(self.data_dir / "predictions")
