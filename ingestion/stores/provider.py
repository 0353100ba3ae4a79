"""A Feast provider that hands what is pushed to the online store in columns.

In ``feature_store.yaml``::

    provider: ingestion.stores.provider.ColumnProvider

``FeatureStore.push``, ``push_async`` and ``write_to_online_store`` stay as they are and store the very same bytes; only
no protobuf object is made for each value on the way. Everything else is Feast's own provider.
"""

import asyncio
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from feast import FeatureView
from feast.infra.passthrough_provider import PassthroughProvider

from ingestion.stores.online import RedisOnlineStore

FEW_ROWS: Final = 16
"""Below so many rows an object for each value takes less time than columns."""


class ColumnProvider(PassthroughProvider):
    """See the module. Other online stores than `RedisOnlineStore`, and on-demand views, are served as Feast does it."""

    def ingest_df(
        self, feature_view: Any, df: pd.DataFrame, field_mapping: dict[str, str] | None = None
    ) -> None:
        """Write a frame of a view's rows to the online store; the newest row of an entity stays.

        Args:
            feature_view: The view.
            df: Join keys, features and event timestamp; other columns are ignored.
            field_mapping: Names of columns by names of fields, for on-demand views.

        Raises:
            ValueError: naming the column that is missing, null in a key, or does not fit its type.
            RedisUnavailableError: if Redis is not reached.
        """
        store = self.online_store
        if (
            len(df) >= FEW_ROWS
            and isinstance(store, RedisOnlineStore)
            and isinstance(feature_view, FeatureView)
        ):
            table = pa.Table.from_pandas(df, preserve_index=False)
            store.write_columns(self.repo_config, feature_view, table)
        else:
            super().ingest_df(feature_view, df, field_mapping)

    async def ingest_df_async(
        self, feature_view: Any, df: pd.DataFrame, field_mapping: dict[str, str] | None = None
    ) -> None:
        """As `ingest_df`, in a thread: turning columns into bytes would hold the event loop up."""
        await asyncio.to_thread(self.ingest_df, feature_view, df, field_mapping)
