"""The plan of one topic: from Kafka through both operators to whoever takes the rows."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pyspark.sql.functions import col, lit

from ingestion.spark.frames import spark_schema
from ingestion.spark.stream.packing import EVENTS, SHARE
from ingestion.spark.stream.processors import COUNTED, PUSHED, VIEW, KeepWindows, WithoutRepeats
from ingestion.spark.stream.reading import INPUT, NOW, read_messages
from ingestion.spark.stream.start import Start
from ingestion.stream.catalogue import EventTopic

FORMAT: Final = 1
"""Of what lies in a checkpoint: with another number streams begin anew."""
STATE_STORE: Final = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


@dataclass(frozen=True)
class Plan:
    """How a topic is computed.

    Attributes:
        topic: The topic.
        shares: Into how many shares ids and entities are divided.
        by_events: Whether windows move with events; else with the machine's clock.
        source: Options of the Kafka source.
        checkpoint: Where Spark keeps offsets and state.
    """

    topic: EventTopic
    shares: int
    by_events: bool
    source: Mapping[str, str]
    checkpoint: str

    def rows(self, session: Any, start: Start) -> Any:
        """Rows that change, as a streaming dataframe with the columns `PUSHED`."""
        messages = session.readStream.format("kafka").options(**self.source).load()
        read = partial(read_messages, self.topic, self.shares)
        inputs = messages.select("value", "partition", "offset", "timestamp")
        inputs = inputs.mapInArrow(read, spark_schema(INPUT))
        if not self.by_events:
            inputs = inputs.union(self._ticks(session))
        counted = inputs.groupBy(SHARE).transformWithStateInPandas(
            WithoutRepeats(f"{self.checkpoint} ids", self.topic, self.shares),
            spark_schema(COUNTED), "append", "none", start.ids.groupBy(SHARE),
        )  # fmt: skip
        return counted.groupBy(VIEW, SHARE).transformWithStateInPandas(
            KeepWindows(f"{self.checkpoint} windows", self.topic, by_events=self.by_events),
            spark_schema(PUSHED), "append", "none", start.windows.groupBy(VIEW, SHARE),
        )  # fmt: skip

    def _ticks(self, session: Any) -> Any:
        """One row for each share every second: windows lose tiles where no event comes, too."""
        seconds = session.readStream.format("rate").options(rowsPerSecond=self.shares, numPartitions=1).load()
        return seconds.select(
            (col("value") % self.shares).alias(SHARE),
            lit(None).cast("binary").alias(EVENTS),
            (col("timestamp").cast("double") * 1e6).cast("long").alias(NOW),
        )

    def run(
        self,
        session: Any,
        start: Start,
        take: Callable[[Any, int], None],
        trigger: Mapping[str, Any],
    ) -> Any:
        """Start the query.

        Args:
            session: The Spark session.
            start: Where a new checkpoint begins.
            take: Called with the rows of each batch, a dataframe with the columns `PUSHED`, and its number; once more
                with the same number where a batch is tried again.
            trigger: Spark's trigger.
        """
        writer = self.rows(session, start).writeStream.foreachBatch(take).outputMode("append")
        writer = writer.queryName(self.topic.name).option("checkpointLocation", f"{self.checkpoint}/state")
        return writer.trigger(**trigger).start()


def checkpoint_of(folder: str, topic: EventTopic, shares: int, *, by_events: bool) -> str:
    """Folder of a topic's checkpoint as it is defined now: with other definitions its stream begins anew."""
    views = {spec.name: topic.definition_of(spec) for spec in topic.specs}
    told = [FORMAT, topic.definition, views, shares, by_events]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    return f"{folder}/{topic.name}/{digest}"
