"""The prediction log for as long as the API runs. Control path."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry

from serving.answers import Journal, NoJournal
from serving.journal.counts import Counts
from serving.journal.kafka import KafkaJournal
from serving.journal.topic import TopicMaker
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)

_ATTEND_SECONDS: Final = 0.1


@asynccontextmanager
async def open_journal(settings: ServingSettings, registry: CollectorRegistry) -> AsyncIterator[Journal]:
    """A journal; at the end, what was recorded is sent, as far as the broker takes it within the stop timeout.

    Args:
        settings: Says where the brokers are; where it knows of none, predictions are not logged.
        registry: Where the outcomes are counted.
    """
    kafka = settings.known_kafka()
    if kafka is None:
        logger.warning(
            "no Kafka broker is known, predictions are not logged; start one with `make up`, or set SHOP_KAFKA_BOOTSTRAP"
        )
        yield NoJournal()
        return
    journal = KafkaJournal(
        kafka,
        settings.predictions_topic,
        most=settings.predictions_waiting_max,
        counts=Counts(registry),
        call_soon=asyncio.get_running_loop().call_soon,
    )
    topic = TopicMaker(kafka, settings.predictions_topic, settings.topic_partitions)
    topic.start()
    attending = asyncio.create_task(_attend(journal))
    try:
        yield journal
    finally:
        attending.cancel()
        topic.stop()
        given_up = await asyncio.to_thread(journal.flush, settings.stop_timeout_seconds)
        if given_up:
            logger.warning("%d predictions were not logged: Kafka did not take them in time", given_up)


async def _attend(journal: KafkaJournal) -> None:
    while True:
        await asyncio.sleep(_ATTEND_SECONDS)
        journal.attend()
