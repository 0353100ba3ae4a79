"""What the worker refuses to serve, each by name and with the way out."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from feast import FeatureStore, FileSource, KafkaSource
from feast.aggregation import Aggregation
from feast.data_format import JsonFormat

from ingestion.derive import event_type, windowed_view
from ingestion.erasures.tombstones import Tombstones
from ingestion.stream.errors import DefinitionsError, TopicError
from ingestion.stream.registry import Definitions, event_topics
from tests.integration.ingestion.stream.stream_shop import StreamShop, definitions

NOWHERE = "127.0.0.1:1"
UNSET = (
    "project: shop\nprovider: local\nregistry: registry.db\nentity_key_serialization_version: 3\n"
    "online_store: {type: ingestion.stores.online.RedisOnlineStore, connection_string: '${SHOP_UNSET}'}\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> StreamShop:
    """Applied without any server: reading definitions asks none."""
    shop = StreamShop(tmp_path / "shop", NOWHERE, NOWHERE)
    shop.configure()
    return shop


def applied(shop: StreamShop, objects: list[object]) -> FeatureStore:
    store = shop.store()
    store.apply(objects)
    return store


def test_topics_are_read_with_their_views(shop: StreamShop) -> None:
    """Two views over one topic; its archive lies below the offline store's root."""
    applied(shop, definitions(shop.name))
    (topic,) = Definitions.open(shop.folder, Tombstones).topics
    assert (topic.name, [spec.name for spec in topic.specs]) == (shop.name, ["product_orders", "user_orders"])
    assert (topic.lateness_us, topic.dedup_horizon_us) == (600_000_000, 86_400_000_000)
    assert topic.archive.folder.url == shop.archive.folder.url


def test_a_registry_without_topics(shop: StreamShop) -> None:
    """As before the first `feast apply`."""
    with pytest.raises(TopicError, match="no KafkaSource; define one and run `feast apply`"):
        event_topics(shop.store())


def test_a_topic_without_an_event_id(shop: StreamShop) -> None:
    """A repeated event could not be told from a new one."""
    archive = definitions(shop.name)[2]
    bare = KafkaSource(
        name="bare",
        topic="bare",
        kafka_bootstrap_servers="",
        message_format=JsonFormat("{}"),
        timestamp_field="at",
        batch_source=archive,
    )
    with pytest.raises(TopicError, match=r"topic 'bare' needs .* a tag event_id"):
        event_topics(applied(shop, [archive, bare]))


def test_a_view_that_reads_another_archive_than_its_topic_s(shop: StreamShop) -> None:
    """A restart would fold other events than the stream brought."""
    user, _, archive, stream, *_ = definitions(shop.name)
    text = {"type": "string"}
    fields = {"id": text, "event_timestamp": {**text, "format": "date-time"}, "user_id": text}
    other = event_type("other", fields, event_id="id", description="Another.")
    stray = replace(other, name=shop.name)
    view = windowed_view(
        "stray",
        entities=[user],
        events=stray,
        aggregations=[Aggregation("id", "count", timedelta(days=1))],
        description="Names one topic and reads another's archive.",
    )
    assert isinstance(archive, FileSource)
    with pytest.raises(TopicError, match=r"'other_archive', but its topic .* they must be the same"):
        event_topics(applied(shop, [user, archive, stream, other.archive, view]))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "feature_store.yaml"),
        ("project: shop\nprovider: local\nregistry: {path: [}", "cannot be served"),
    ],
)
def test_a_feature_repo_that_cannot_be_opened(shop: StreamShop, config: str | None, said: str) -> None:
    """The file is named, whether it is absent or broken."""
    file = shop.folder / "feature_store.yaml"
    file.unlink()
    if config:
        file.write_text(config)
    with pytest.raises(DefinitionsError, match=said):
        Definitions.open(shop.folder, Tombstones)
