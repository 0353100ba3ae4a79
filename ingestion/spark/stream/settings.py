"""Settings of the stream on Spark."""

from pydantic import Field

from ingestion.stream.settings import WindowSettings


class SparkStreamSettings(WindowSettings):
    """Of `python -m ingestion.spark.stream`; by `SHOP_STREAM_CLOCK=event` the windows of a share move with its own newest event."""

    spark_conf: dict[str, str] = Field(default_factory=dict)
    """Spark's own settings as a JSON object, such as {"spark.master": "yarn"}; by default what spark-submit or spark-defaults.conf say."""
    spark_checkpoints: str | None = None
    """Where Spark keeps offsets and state: a path or URL that all of its machines reach, as Hadoop spells it; by default spark in the data folder."""
    spark_shares: int = Field(default=8, ge=1, le=10_000)
    """Into how many shares event ids, and the entities of each view, are divided; each is computed by one task."""
    spark_trigger_milliseconds: int = Field(default=500, ge=0)
    """How often a batch begins, at most."""
    spark_batch_max_messages: int = Field(default=500_000, ge=1)
    """Most messages of a topic in one batch."""
    spark_partition_mb: int = Field(default=32, ge=1)
    """How much of an archive's files one task reads where a stream begins."""
    spark_refresh_seconds: float = Field(default=30.0, gt=0)
    """How often the registry is looked at for views that are new, changed or gone."""
    spark_start_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long Kafka may take to answer at the start."""
    spark_metrics_host: str = "127.0.0.1"
    """Address on which /metrics and /health are served."""
    spark_metrics_port: int = Field(default=8005, ge=0, le=65535)
    """Port for them; 0 takes a free one and logs it."""

    @property
    def checkpoints_url(self) -> str:
        """`spark_checkpoints`, or its place in the data folder."""
        return (self.spark_checkpoints or str((self.data_dir / "spark").absolute())).rstrip("/")
