"""What the program that erases works with, connected. Imports Feast."""

import logging
import platform
import time
import warnings
from datetime import UTC, datetime, timedelta
from threading import Event

from feast import FeatureStore, FileSource

from ingestion.archive import Archive
from ingestion.erasures.desk import Desk
from ingestion.erasures.eraser import Means
from ingestion.erasures.kept import Erasures
from ingestion.erasures.places import Files, Letters, Online
from ingestion.erasures.quotes import Quarantine, Reports
from ingestion.erasures.settings import EraseSettings
from ingestion.predictions.settings import PredictionSettings
from ingestion.stores.sources import Source
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.letterbox import LetterBox
from ingestion.stream.log import say
from ingestion.stream.registry import event_topics
from ingestion.stream.settings import StreamSettings
from ingestion.stream.snapshots import SnapshotStore

log = logging.getLogger(__name__)


def compose(settings: EraseSettings, desk: Desk, stop: Event) -> Means:
    """Everything an eraser needs.

    Raises:
        KafkaUnreachableError: no broker is known, or none answers in time.
    """
    # Feast warns about stream feature views each time it reads one.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    stream, predictions, kafka = StreamSettings(), PredictionSettings(), settings.kafka()
    timeout = settings.erase_timeout_seconds
    store, erasures = FeatureStore(repo_path=str(settings.feature_repo)), Erasures(settings.erasures_url)

    def topics() -> list[EventTopic]:
        store.refresh_registry()
        return event_topics(store, erasures.tombstones())

    return Means(
        desk=desk,
        erasures=erasures,
        topics=topics,
        files=_files(store, topics(), predictions, timedelta(seconds=settings.erase_grace_seconds)),
        online=Online(store),
        letters=Letters(
            settings.dead_letter_topic, desk, LetterBox(kafka, settings.dead_letter_topic, timeout)
        ),
        reports=Reports(settings.data_dir / "reports"),
        quarantine=Quarantine(settings.data_dir / "quarantine"),
        snapshots=SnapshotStore(stream.snapshot_url, stream.snapshot_outbox),
        group=stream.stream_group,
        predictions_topic=predictions.predictions_topic,
        now=lambda: datetime.now(UTC),
        stop=stop,
    )


def _files(
    store: FeatureStore, topics: list[EventTopic], predictions: PredictionSettings, grace: timedelta
) -> Files:
    declared = [source for source in store.list_data_sources() if isinstance(source, FileSource)]
    tables = [source for source in (Source(store.config, one) for one in declared) if not source.is_archive]

    def told(url: str, done: int, total: int) -> None:
        say(log, logging.INFO, "looking through", folder=url, files=done, of=total)

    return Files(
        archives=[topic.archive for topic in topics],
        predictions=Archive.at(predictions.archive_url),
        tables=tables,
        now_us=lambda: time.time_ns() // 1000,
        grace=grace,
        machine=platform.node(),
        told=told,
    )
