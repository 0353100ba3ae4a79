"""Reads the Feast registry: the only source of topics, contracts, archives and windows. Imports Feast."""

import json
import warnings
from pathlib import Path
from typing import Any

from feast import FeatureStore, KafkaSource
from feast.repo_config import FeastConfigError
from yaml import YAMLError

from ingestion.compile import compile_view, windowed_views
from ingestion.events.contract import Contract
from ingestion.stores.push import push_rows, redis_store
from ingestion.stores.redis_online.address import RedisUnavailableError
from ingestion.stores.sources import Source
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.errors import DefinitionsError, TopicError
from ingestion.stream.sink import FeastSink
from ingestion.windows.spec import ViewSpec


def open_definitions(feature_repo: Path) -> tuple[list[EventTopic], FeastSink]:
    """The topics to serve and the online store, as the feature repo and its registry say.

    Raises:
        DefinitionsError: they cannot be opened or served; says why.
    """
    # Feast warns about stream feature views each time it reads one.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    try:
        store = FeatureStore(repo_path=str(feature_repo))
        return event_topics(store), online_sink(store)
    except (FeastConfigError, YAMLError, OSError, ValueError, TypeError) as error:
        raise DefinitionsError(f"the definitions in {feature_repo} cannot be served: {error}") from error


def online_sink(store: FeatureStore) -> FeastSink:
    """The online store of the feature store, which is Redis."""
    connections = redis_store(store).connections(store.config)

    def ping() -> None:
        with connections.link() as link:
            link.client.ping()

    return FeastSink(store, push_rows, ping, away=RedisUnavailableError)


def event_topics(store: FeatureStore) -> list[EventTopic]:
    """Every topic of the registry, by name, with the windowed views that name it as their event source.

    Raises:
        TopicError: there is no topic, a topic has no archive, or a view reads another archive than its topic's.
        ingestion.windows.spec.SpecError: a view cannot be computed as it is defined.
        ingestion.events.schema.SchemaError: a message schema holds what a contract cannot check.
    """
    sources = sorted(
        (s for s in store.list_data_sources() if isinstance(s, KafkaSource)), key=lambda s: s.name
    )
    if not sources:
        raise TopicError(
            f"the registry of project {store.project!r} has no KafkaSource; define one and run `feast apply` in the feature repo"
        )
    views = windowed_views(store)
    return [_event_topic(store, source, views) for source in sources]


def _event_topic(store: FeatureStore, source: Any, views: list[Any]) -> EventTopic:
    if source.batch_source is None or "event_id" not in source.tags:
        raise TopicError(
            f"topic {source.name!r} needs a batch_source (its archive) and a tag event_id; declare it with event_type()"
        )
    options = source.kafka_options
    schema = json.loads(options.message_format.schema_json)
    contract = Contract.from_json_schema(source.name, schema, source.timestamp_field, source.tags["event_id"])
    return EventTopic(
        name=options.topic,
        contract=contract,
        archive=Source(store.config, source.batch_source).archive,
        lateness_us=_microseconds(options.watermark_delay_threshold),
        dedup_horizon_us=1_000_000 * int(source.tags.get("dedup_horizon_seconds", "0")),
        specs=tuple(_spec(view, source) for view in views if view.tags.get("event_source") == source.name),
    )


def _spec(view: Any, source: Any) -> ViewSpec:
    if view.batch_source.name != source.batch_source.name:
        raise TopicError(
            f"view {view.name!r} takes its history from {view.batch_source.name!r}, but its topic {source.name!r} is "
            f"archived in {source.batch_source.name!r}; they must be the same"
        )
    return compile_view(view)


def _microseconds(duration: Any) -> int:
    return 0 if duration is None else round(duration.total_seconds() * 1e6)
