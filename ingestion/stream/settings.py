"""Settings of the stream worker and of the dead-letter command."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from ingestion.stream.broker_settings import BrokerSettings


class WindowSettings(BrokerSettings):
    """What everybody is told who keeps windows over events. Read from the environment, each name with the prefix `SHOP_`."""

    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions; paths in feature_store.yaml are relative to it."""
    stream_group: str = "shop_stream"
    """Consumer group; its workers share the views, one of them archives."""
    stream_clock: Literal["wall", "event"] = "wall"
    """What moves the windows: the machine's clock, or the newest event time (replay of old files)."""


class StreamSettings(WindowSettings):
    """Of the stream worker."""

    topic_partitions: int = Field(default=4, ge=1)
    """Partitions of an event topic that does not exist yet."""

    stream_instance: str | None = None
    """Name under which a worker is known again at once after a crash; two workers must not share one."""
    stream_session_seconds: float = Field(default=6.0, ge=6.0)
    """How long a worker may be silent before others take its place."""
    stream_shares: int = Field(default=1, ge=1, le=1_000)
    """Into how many shares the entities of each view are divided; more than 1: several workers keep one view."""
    stream_windows: bool = True
    """Whether windows are computed; without them events are only archived, and `python -m ingestion.spark.stream` computes the windows."""
    stream_batch_max_messages: int = Field(default=20_000, ge=1, le=1_000_000)
    """Most messages taken at once."""
    stream_wait_milliseconds: int = Field(default=50, ge=1)
    """How long an idle worker waits for a message before it looks at the clock."""
    stream_linger_milliseconds: int = Field(default=20, ge=0)
    """How long it waits for more once it has one; under load a batch is what came in during the last one."""
    stream_archive_seconds: float = Field(default=5.0, gt=0)
    """Longest time that an event waits for its archive file; offsets are committed behind it."""
    stream_archive_max_rows: int = Field(default=200_000, ge=1)
    """Most events that wait for their archive file."""
    stream_snapshot_path: str | None = None
    """Where snapshots of the windows are kept, a local path or a URL that fsspec knows; by default snapshots in the data folder."""
    stream_snapshot_seconds: float = Field(default=300.0, gt=0)
    """How often a snapshot is taken; a restart folds what the archive has behind it."""
    stream_refresh_seconds: float = Field(default=30.0, gt=0)
    """How often the registry is looked at for views that are new, changed or gone."""
    stream_boundary_rows: int = Field(default=2_000, ge=1)
    """Most rows that wait (windows that lost a tile, a store that was filled anew) pushed between two batches of events."""
    stream_start_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long Kafka and Redis may take to answer at the start."""
    stream_request_timeout_seconds: float = Field(default=60.0, gt=0)
    """How long Kafka may take to answer later, and to take a dead letter."""
    stream_retry_max_seconds: float = Field(default=5.0, gt=0)
    """Longest pause between two attempts to reach Redis."""
    stream_metrics_host: str = "127.0.0.1"
    """Address on which /metrics and /health are served."""
    stream_metrics_port: int = Field(default=8001, ge=0, le=65535)
    """Port for them; 0 takes a free one and logs it."""

    @property
    def parts_topic(self) -> str:
        """Topic without messages whose partitions the workers of the group share."""
        return f"{self.stream_group}_parts"

    @property
    def snapshot_url(self) -> str:
        """Folder of this group's snapshots."""
        root = self.stream_snapshot_path or str(self.data_dir / "snapshots")
        return f"{root.rstrip('/')}/{self.stream_group}"

    @property
    def snapshot_outbox(self) -> Path:
        """Where a snapshot is written that is then sent to a URL."""
        return self.data_dir / "snapshots_outbox" / self.stream_group
