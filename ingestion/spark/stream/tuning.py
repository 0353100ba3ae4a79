"""Spark's own settings for small batches, a few shares of state behind each of them."""

from typing import Final
from urllib.parse import urlsplit

from ingestion.spark.stream.settings import SparkStreamSettings

_STATE: Final = "spark.sql.streaming.stateStore"
_CHECKPOINT: Final = "spark.sql.streaming.checkpoint"
_ON_DISK: Final = {
    f"{_CHECKPOINT}FileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    f"{_CHECKPOINT}.fileChecksum.enabled": "false",
}
"""Hadoop starts programs of the shell for what Spark's own manager asks of each file on a disk, and has checksums there itself."""


def tuned(settings: SparkStreamSettings) -> dict[str, str]:
    """What differs from Spark's defaults; ``settings.spark_conf`` counts above it."""
    conf = {
        # A share is computed by one task: Spark's own 200 of them would be empty, each with a state and a start of its own.
        "spark.sql.shuffle.partitions": str(settings.spark_shares),
        # Behind a batch what changed is written, rather than a copy of the state; that now and then, beside the batches.
        f"{_STATE}.rocksdb.changelogCheckpointing.enabled": "true",
    }
    on_disk = urlsplit(settings.checkpoints_url).scheme in {"", "file"}
    return conf | (_ON_DISK if on_disk else {}) | settings.spark_conf
