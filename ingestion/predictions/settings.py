"""Settings of the archive of predictions."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingestion.stream.errors import KafkaUnreachableError


class PredictionSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    data_dir: Path = Path("data")
    """Everything the platform writes on this machine lies under this folder."""
    kafka_bootstrap: str | None = None
    """Brokers, `host:port` separated by commas; by default what `make up` left in services/kafka.addr of the data folder."""
    topic_partitions: int = Field(default=4, ge=1)
    """Partitions of the topic where it does not exist yet."""
    dead_letter_topic: str = "dead_letters"
    """Where messages go that cannot be read."""

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
    log_level: str = Field(default="info", pattern="^(critical|error|warning|info|debug)$")
    """From which level on lines are logged."""

    @property
    def parts_topic(self) -> str:
        """Topic without messages whose one partition says who archives."""
        return f"{self.predictions_group}_parts"

    @property
    def archive_url(self) -> str:
        """`predictions_path`, or its place in the data folder."""
        return self.predictions_path or str(self.data_dir / "predictions")

    def bootstrap(self) -> str:
        """Addresses of the brokers.

        Raises:
            KafkaUnreachableError: none is set and no local broker has left its address.
        """
        if self.kafka_bootstrap:
            return self.kafka_bootstrap
        file = self.data_dir / "services" / "kafka.addr"
        try:
            return file.read_text().strip()
        except FileNotFoundError:
            raise KafkaUnreachableError(
                f"no Kafka broker is known: there is no {file}; start one with `make up`, "
                "or set SHOP_KAFKA_BOOTSTRAP to the address of yours"
            ) from None


def describe() -> str:
    """One line per setting: its variable, its default and what it says."""
    prefix = PredictionSettings.model_config["env_prefix"]
    return "\n".join(
        f"  {(prefix + name).upper():<36} {field.description or ''} [{field.default}]"
        for name, field in PredictionSettings.model_fields.items()
    )
