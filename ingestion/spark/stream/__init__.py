"""The stream on a Spark cluster: `python -m ingestion.spark.stream`.

Spark reads Kafka, moves events to whoever keeps their entities, and keeps the state. What a window is, is told by the
incremental executor alone, the one that a stream worker runs::

    Kafka --> decoded, by share of event ids --> without repeats, by view and share of its entities --> rows --> Redis

Each of the two steps in the middle is one of Spark's stateful operators. A column of bytes carries the events between
them, so that no value passes through types that it does not have. Modules here import pyspark and belong to this program
alone; those that only compute (`machines`, `kept`, `packing`, `reading`) do without it.
"""
