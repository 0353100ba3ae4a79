"""Reads the Feast registry: the only source of topics, contracts, archives and windows. Imports Feast."""

import hashlib
import json
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from feast import FeatureStore, KafkaSource
from feast.repo_config import FeastConfigError
from redis.cluster import RedisCluster
from yaml import YAMLError

from ingestion.compile import compile_view, windowed_views
from ingestion.erasures.tombstones import PERSON, Tombstones
from ingestion.events.contract import Contract
from ingestion.stores.push import push_rows, redis_store
from ingestion.stores.redis_online.address import RedisUnavailableError
from ingestion.stores.removal import remove_rows
from ingestion.stores.sources import Source
from ingestion.stream.catalogue import NOBODY, EventTopic
from ingestion.stream.errors import DefinitionsError, TopicError
from ingestion.stream.sink import FeastSink
from ingestion.windows.spec import ViewSpec


class Definitions:
    """What the feature repo and its registry say, and what they say later.

    Attributes:
        topics: The topics to serve, as they were at the start.
        sink: The online store.

    Args:
        feature_repo: Folder of the feature repo.
        store: It, opened.
        tombstones: Reads who was erased up to when.
        windows: Whether the views over the topics are told.
    """

    def __init__(
        self,
        feature_repo: Path,
        store: FeatureStore,
        tombstones: Callable[[], Tombstones],
        *,
        windows: bool = True,
    ) -> None:
        self._feature_repo = feature_repo
        self._tombstones = tombstones
        # Not the store that rows are pushed with: that one keeps to the definitions of the windows that run.
        self._watched = store
        erased = tombstones()
        self._seen = (*_version(store), erased.version)
        self._windows = windows
        self.topics = self._topics(store, erased)
        self.sink = online_sink(_open(feature_repo))

    @classmethod
    def open(cls, feature_repo: Path, tombstones: Callable[[], Tombstones], *, windows: bool = True) -> Self:
        """Read the definitions.

        Raises:
            DefinitionsError: they cannot be opened or served; says why.
        """
        store = opened(feature_repo)
        with _named(feature_repo):
            return cls(feature_repo, store, tombstones, windows=windows)

    def read_again(self) -> list[EventTopic] | None:
        """The topics as they are registered now; None while registry and tombstones are those that were seen last.

        None, too, while the registry is being written.

        Raises:
            DefinitionsError: they cannot be served; the registry is looked at again once it has changed.
        """
        with _named(self._feature_repo):
            self._watched.refresh_registry()
            erased = self._tombstones()
            version = (*_version(self._watched), erased.version)
            if version == self._seen:
                return None
            store = _open(self._feature_repo)
            try:
                topics = self._topics(store, erased)
            finally:
                # Feast writes a registry's file in place: what was read of one that is being written is read again.
                is_whole = _version(store) == version[:2]
                if is_whole:
                    self._seen = version
        if not is_whole:
            return None
        self.sink.offer(store)
        return topics

    def _topics(self, store: FeatureStore, erased: Tombstones) -> list[EventTopic]:
        topics = event_topics(store, erased)
        return topics if self._windows else [replace(topic, specs=()) for topic in topics]


def opened(feature_repo: Path) -> FeatureStore:
    """The feature repo of a folder.

    Raises:
        DefinitionsError: it cannot be opened; says why.
    """
    # Feast warns about stream feature views each time it reads one.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    with _named(feature_repo):
        return _open(feature_repo)


def _open(feature_repo: Path) -> FeatureStore:
    return FeatureStore(repo_path=str(feature_repo))


def _version(store: FeatureStore) -> tuple[str, str]:
    """Another one after each `feast apply` that changed something."""
    registry = store.registry.proto()
    return registry.version_id, registry.last_updated.ToJsonString()


@contextmanager
def _named(feature_repo: Path) -> Iterator[None]:
    try:
        yield
    except (FeastConfigError, YAMLError, OSError, ValueError, TypeError) as error:
        raise DefinitionsError(f"the definitions in {feature_repo} cannot be served: {error}") from error


def online_sink(store: FeatureStore) -> FeastSink:
    """The online store of the feature store, which is Redis."""
    connections = redis_store(store).connections(store.config)

    mark = f"{store.project}:filled"

    def identify() -> str:
        with connections.link() as link:
            return f"{run_ids(link.client)} {_mark(link.client, mark)}"

    return FeastSink(store, push_rows, remove_rows, identify, away=RedisUnavailableError)


def run_ids(client: Any) -> str:
    """Run ids of the servers that hold the data: a server gets another one each time it is started."""
    if not isinstance(client, RedisCluster):
        return str(client.info("server")["run_id"])
    told = client.info("server", target_nodes=RedisCluster.PRIMARIES)
    by_node = {"": told} if "run_id" in told else told
    return ",".join(sorted(str(info["run_id"]) for info in by_node.values()))


def _mark(client: Any, name: str) -> str:
    """A value that is made up where there is none: a server that lost everything has another one, whatever its run id."""
    client.set(name, uuid.uuid4().hex, nx=True)
    return str(client.get(name))


def event_topics(store: FeatureStore, erased: Tombstones = NOBODY) -> list[EventTopic]:
    """Every topic of the registry, by name, with the windowed views that name it as their event source.

    Args:
        store: Its registry is read.
        erased: Whose events are gone; only topics whose events name a person are told.

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
    return [_event_topic(store, source, views, erased) for source in sources]


def _event_topic(store: FeatureStore, source: Any, views: list[Any], erased: Tombstones) -> EventTopic:
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
        definition=_definition(source),
        erased=erased if PERSON in contract.polars_schema() else NOBODY,
    )


def _definition(source: Any) -> str:
    """Of everything but the views; not of times at which objects were written."""
    spec = source.to_proto()
    archive = spec.batch_source
    for changing in (spec, archive):
        changing.ClearField("meta")
    return hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()


def _spec(view: Any, source: Any) -> ViewSpec:
    if view.batch_source.name != source.batch_source.name:
        raise TopicError(
            f"view {view.name!r} takes its history from {view.batch_source.name!r}, but its topic {source.name!r} is "
            f"archived in {source.batch_source.name!r}; they must be the same"
        )
    return compile_view(view)


def _microseconds(duration: Any) -> int:
    return 0 if duration is None else round(duration.total_seconds() * 1e6)
