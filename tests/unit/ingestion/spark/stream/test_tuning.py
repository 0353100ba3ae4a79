"""What the stream asks of Spark unless it is told otherwise."""

from pathlib import Path

import pytest

from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.spark.stream.tuning import tuned

MANAGER = "spark.sql.streaming.checkpointFileManagerClass"
PARTITIONS = "spark.sql.shuffle.partitions"


def test_shuffles_have_a_partition_for_each_share(tmp_path: Path) -> None:
    """Unless Spark's own settings say otherwise."""
    assert tuned(SparkStreamSettings(data_dir=tmp_path, spark_shares=3))[PARTITIONS] == "3"
    told = SparkStreamSettings(data_dir=tmp_path, spark_shares=3, spark_conf={PARTITIONS: "5"})
    assert tuned(told)[PARTITIONS] == "5"


@pytest.mark.parametrize(
    ("place", "on_disk"),
    [(None, True), ("/shared/spark", True), ("file:///shared/spark", True), ("s3a://bucket/spark", False)],
)
def test_only_a_disk_does_without_the_manager_of_spark(
    place: str | None, on_disk: bool, tmp_path: Path
) -> None:
    """Elsewhere a rename would not be one step."""
    settings = SparkStreamSettings(data_dir=tmp_path, spark_checkpoints=place)
    assert (MANAGER in tuned(settings)) == on_disk
