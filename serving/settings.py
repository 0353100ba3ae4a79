"""Settings of the prediction API."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServingSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    data_dir: Path = Path("data")
    """Everything the platform writes on this machine lies under this folder."""
    models_dir: Path | None = None
    """Model artefacts; by default `models` in the data folder."""
    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions; paths in feature_store.yaml are relative to it."""
    feature_store_yaml: Path | None = None
    """By default Feast's own: $FEAST_FS_YAML_FILE_PATH, else feature_store.yaml in the feature repo."""

    api_host: str = "127.0.0.1"
    """Address to listen on."""
    api_port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""

    feature_timeout_milliseconds: float = Field(default=35.0, gt=0)
    """How long one read of features may take before remembered or typical values are used."""
    remembered_max: int = Field(default=10_000, ge=1)
    """How many entities of each feature view are remembered for the time without Redis, about 1 kB each."""
    stream_stale_seconds: float = Field(default=900.0, gt=0)
    """Age of the newest row read lately from which `/ready` tells that the stream is behind."""
    registry_refresh_seconds: float = Field(default=60.0, gt=0)
    """How often the registry is read again, beside the requests."""
    models_refresh_seconds: float = Field(default=10.0, gt=0)
    """How often champions and experiments are looked at; SIGHUP looks at once."""
    shadows_waiting_max: int = Field(default=5_000, ge=0)
    """How many predictions wait for shadow models; more are not scored by them, but counted."""
    warm_up_requests: int = Field(default=50, ge=1)
    """Predictions made before the API listens, so that the first client waits no longer than the others."""
    body_max_bytes: int = Field(default=64 * 1024, ge=1)
    """Larger request bodies are refused with 413."""
    batch_body_max_bytes: int = Field(default=1024 * 1024, ge=1)
    """The same for `POST /predict/batch`; a thousand orders take 200 kB."""
    questions_max: int = Field(default=128, ge=1)
    """Questions answered at once; more are refused with 503 and Retry-After, before a queue grows."""
    recommendations_default: int = Field(default=10, ge=1, le=100)
    """How many products are recommended where `k` is absent."""
    candidates_max: int = Field(default=50, ge=1, le=1000)
    """How many candidates the recommendation model ranks for one answer; also the bound of `k`."""
    stop_timeout_seconds: int = Field(default=10, ge=0)
    """How long requests under way may take to end after SIGTERM, and then the prediction log to be sent."""

    kafka_bootstrap: str | None = None
    """Brokers that take the prediction log, `host:port` separated by commas; by default what `make up` left in services/kafka.addr of the data folder. Without any, predictions are not logged."""
    predictions_topic: str = "predictions"
    """Topic of the prediction log."""
    predictions_waiting_max: int = Field(default=20_000, ge=1, le=1_000_000)
    """How many predictions wait while Kafka is away, 3 to 4 kB each; more are not logged, but counted."""
    topic_partitions: int = Field(default=4, ge=1)
    """Partitions of the topic where it does not exist yet."""

    log_level: str = Field(default="info", pattern="^(critical|error|warning|info|debug)$")
    """Least important messages that are logged."""

    @property
    def models(self) -> Path:
        """`models_dir`, or its place in the data folder."""
        return self.models_dir or self.data_dir / "models"

    def bootstrap(self) -> str | None:
        """Addresses of the brokers; None where none is set and no local broker has left its address."""
        file = self.data_dir / "services" / "kafka.addr"
        return self.kafka_bootstrap or (file.read_text().strip() if file.is_file() else None)


def describe() -> str:
    """One line per setting: its variable, its default and what it says."""
    prefix = ServingSettings.model_config["env_prefix"]
    return "\n".join(
        f"  {(prefix + name).upper():<32} {field.description or ''} [{field.default}]"
        for name, field in ServingSettings.model_fields.items()
    )
