"""Opens the Spark session."""

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from feast.repo_config import FeastConfigBaseModel
from pydantic import Field


class SparkUnavailableError(RuntimeError):
    """There is no Spark, or no Java to run it."""


class SparkSettings(FeastConfigBaseModel):
    """What is told in ``feature_store.yaml`` about Spark."""

    spark_conf: dict[str, str] = Field(default_factory=dict)
    """Spark's own settings, such as ``spark.master``; a session that is open already stays as it is. Without a master:
    what spark-submit or spark-defaults.conf say, else all cores of this machine."""

    partition_mb: int = Field(default=32, gt=0)
    """How much of an archive's files one task reads, and about how much of them one task computes."""


DEFAULTS: Final[Mapping[str, str]] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
}


def open_session(conf: Mapping[str, str]) -> Any:
    """The session of this process, opened at the first call.

    Args:
        conf: Spark's settings, above our `DEFAULTS`.

    Raises:
        SparkUnavailableError: pyspark is not installed, or its JVM does not start.
    """
    try:
        from pyspark.errors import PySparkRuntimeError  # noqa: PLC0415  # an optional extra
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise SparkUnavailableError(
            f"feature_store.yaml asks for Spark, but pyspark cannot be imported ({error}); install the extra `spark`, "
            "or name ingestion.stores.offline.ParquetOfflineStore and ingestion.stores.engine.WindowEngine"
        ) from error
    if (active := SparkSession.getActiveSession()) is not None:
        return active
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("feast-shop")
    for name, value in {**DEFAULTS, **conf}.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkRuntimeError, FileNotFoundError) as error:
        raise SparkUnavailableError(
            f"Spark does not start: {error}; it needs Java 17 or newer (on Debian: openjdk-17-jre-headless), found by "
            f"JAVA_HOME or the PATH, and these settings: {dict(conf)}"
        ) from error
