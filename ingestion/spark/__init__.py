"""The same definitions on a Spark cluster, when one machine is too small.

Spark moves rows between machines; what a value is, is told by the executors of `ingestion.windows` alone, which run inside
Spark's Python workers on whole portions of entities at a time::

    history and materialize    files --> repeats out --> by entity --> as-of executor --> rows
    stream                     Kafka --> repeats out --> by entity --> incremental executor --> rows

Modules here import pyspark only when a session is opened: it is an extra, ``pip install 'feast-shop[spark]'``.
"""
