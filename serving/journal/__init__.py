"""The prediction log: every prediction goes to a Kafka topic beside the answers, never in their way.

::

    record --> waiting --> encode, produce --> librdkafka's queue --> broker        (acknowledged)
       |      (in memory, the next turns         (its own threads)
       |       of the event loop)
       '--> shed: more than the buffer takes is waiting or under way

What was acknowledged is on the topic once (acks=all, idempotent, one request under way). `python -m ingestion.predictions`
writes the topic into the archive, `python -m serving.replay` computes a prediction of the archive again.
"""

from serving.journal.kafka import KafkaJournal
from serving.journal.opened import open_journal

__all__ = ["KafkaJournal", "open_journal"]
