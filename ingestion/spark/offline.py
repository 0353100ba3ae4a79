"""The offline store whose windows are computed by Spark.

In ``feature_store.yaml``::

    offline_store:
      type: ingestion.spark.offline.SparkOfflineStore
      root: s3://bucket/shop       # reachable from every machine of the cluster
      spark_conf:                  # optional: any of Spark's own settings
        spark.master: yarn

Everything else is `ingestion.stores.offline.ParquetOfflineStore`: tables without windows are joined where the command runs.
"""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from feast.repo_config import RepoConfig

from ingestion.spark.history import answer
from ingestion.spark.session import SparkSettings, open_session
from ingestion.stores.offline import ParquetOfflineStore, ParquetOfflineStoreConfig
from ingestion.stores.windowed import Question


class SparkOfflineStoreConfig(ParquetOfflineStoreConfig, SparkSettings):
    """Settings of `SparkOfflineStore`."""

    type: str = "ingestion.spark.offline.SparkOfflineStore"
    """Dotted path of the store."""


class SparkOfflineStore(ParquetOfflineStore):
    """As its base, with windows by Spark; see the module."""

    @staticmethod
    def answer(
        config: RepoConfig,
        questions: Sequence[Question],
        interval: tuple[datetime, datetime],
        *,
        as_known: bool,
    ) -> list[pl.DataFrame]:
        """Windowed features: one frame of feature columns for each question.

        Raises:
            SparkUnavailableError: Spark does not start.
        """
        if not questions:
            return []
        store = config.offline_store
        return answer(
            open_session(store.spark_conf),
            questions,
            interval,
            as_known=as_known,
            portion_bytes=store.partition_mb * 2**20,
        )
