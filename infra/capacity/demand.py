"""What a load takes of everything: the definitions, the load and the coefficients multiplied."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.capacity.coefficients import Coefficients
from infra.capacity.definitions import Definitions, Topic, View
from infra.capacity.load import DAY_SECONDS, Load

BATCH_SECONDS = 0.05
"""Events of one entity that come so soon after one another make one row: what a worker waits for and works on at once."""


@dataclass(frozen=True)
class Demand:
    """At the peak per second; memory and disk in bytes, for one copy.

    Attributes:
        read: Cores for fetching and decoding, of each worker.
        archive: Cores for archiving, of the one that leads.
        windows: Cores for windows and pushes, divided among the workers.
        rows: Rows per second that are pushed.
        redis: Cores of Redis.
        api: Cores of the API.
        state: Windows, divided among the workers.
        state_by_view: By view.
        ids: Event ids, of each worker.
        online: Redis.
        online_by_view: By view, entities' keys left out.
        archive_day: Archive, per day.
        log_day: Archive of predictions, per day.
        kafka: Messages that Kafka keeps.
        event_bytes: Events on the wire, per second.
        row_bytes: Rows on their way to Redis, per second.
        prediction_bytes: Prediction log on the wire, per second.
        refold_seconds: CPU of a worker that computes all views over the archive anew.
    """

    read: float
    archive: float
    windows: float
    rows: float
    redis: float
    api: float
    state: float
    state_by_view: dict[str, float]
    ids: float
    online: float
    online_by_view: dict[str, float]
    archive_day: float
    log_day: float
    kafka: float
    event_bytes: float
    row_bytes: float
    prediction_bytes: float
    refold_seconds: float


def demand_of(load: Load, definitions: Definitions, cost: Coefficients) -> Demand:
    """Of a load, with the definitions of a registry.

    Raises:
        CapacityError: the shares of the topics are not known.
    """
    load.check(definitions)
    topics, peak = definitions.topics, load.peak_events
    windowed = [(view, load.share(topic.name)) for topic in topics for view in topic.views]
    rows = {view.name: rows_per_second(load, view, peak * share) for view, share in windowed}
    values = sum(share * view.features for view, share in windowed)
    state = {view.name: state_bytes(load, view, load.mean_events * share, cost) for view, share in windowed}
    online = {
        view.name: _rows_of(load, view, topic) * row_bytes(view, cost) for topic, view in _stored(definitions)
    }
    fields = sum(load.share(topic.name) * topic.fields for topic in topics)
    predictions_day = load.predictions * load.mean_events / max(load.peak_events, 1e-9) * DAY_SECONDS
    return Demand(
        read=peak * cost["stream_read_us"] / 1e6,
        archive=peak * cost["stream_archive_us"] / 1e6,
        windows=(peak * values * cost["stream_value_us"] + sum(rows.values()) * cost["stream_row_us"]) / 1e6,
        rows=sum(rows.values()),
        redis=(sum(rows.values()) * cost["redis_row_us"] + load.predictions * cost["redis_prediction_us"]) / 1e6,
        api=load.predictions * cost["api_prediction_us"] / 1e6,
        state=sum(state.values()),
        state_by_view=state,
        ids=sum(_ids(load, topic) for topic in topics) * cost["state_id_bytes"],
        online=sum(online.values()) + _entities(load, definitions) * cost["redis_entity_bytes"],
        online_by_view=online,
        archive_day=_archived_bytes(load, definitions, cost),
        log_day=predictions_day * cost["prediction_archive_bytes"],
        kafka=load.kafka_hours
        * 3600
        * (
            load.mean_events * fields * cost["kafka_value_bytes"]
            + predictions_day / DAY_SECONDS * cost["prediction_message_bytes"]
        ),
        event_bytes=peak * fields * cost["kafka_value_bytes"],
        row_bytes=sum(rows[view.name] * view.features for view, _ in windowed) * cost["row_wire_bytes"],
        prediction_bytes=load.predictions * cost["prediction_message_bytes"],
        refold_seconds=_refold_seconds(load, definitions, cost),
    )  # fmt: skip


def rows_per_second(load: Load, view: View, events_per_second: float) -> float:
    """Rows of a view that are pushed: of entities with events, and of those whose window loses a tile, at most."""
    fresh = load.entities(view, BATCH_SECONDS, events_per_second) / BATCH_SECONDS
    # Every tile that begins leaves each window once.
    return fresh + sum(
        load.entities(view, window.hop_seconds, events_per_second) / window.hop_seconds
        for window in view.windows
    )


def state_bytes(load: Load, view: View, events_per_second: float, cost: Coefficients) -> float:
    """Memory of the windows of a view that have been open for as long as they are."""
    keys = load.entities(view, view.longest_seconds, events_per_second)
    tiles = tile_values = 0.0
    for hop, longest, features in view.grids:
        live = load.entities(view, hop, events_per_second) * longest / hop
        tiles, tile_values = tiles + live, tile_values + live * features
    distinct = sum(events_per_second * seconds for seconds in view.distinct)
    return state_of(view, keys, tiles, tile_values, distinct, cost)


def state_of(
    view: View, keys: float, tiles: float, tile_values: float, distinct: float, cost: Coefficients
) -> float:
    """Bytes of so many entities, tiles, values in tiles and values that are counted once."""
    return (
        keys * (cost["state_key_bytes"] + view.features * cost["state_key_value_bytes"])
        + tiles * cost["state_tile_bytes"]
        + tile_values * cost["state_tile_value_bytes"]
        + distinct * cost["state_distinct_bytes"]
    )


def row_bytes(view: View, cost: Coefficients) -> float:
    """Memory in Redis of a view of one entity, its key left out."""
    return cost["redis_row_bytes"] + view.features * cost["redis_value_bytes"]


def archive_bytes(topic: Topic, cost: Coefficients) -> float:
    """Of an event in the archive."""
    packed = topic.columns - topic.floats
    return packed * cost["archive_value_bytes"] + topic.floats * cost["archive_float_bytes"]


def _stored(definitions: Definitions) -> Iterator[tuple[Topic | None, View]]:
    for topic in definitions.topics:
        for view in topic.views:
            yield topic, view
    for view in definitions.tables:
        yield None, view


def _rows_of(load: Load, view: View, topic: Topic | None) -> float:
    """Entities with a row in Redis: whoever is in a table, or had events for as long as rows stay."""
    if topic is None:
        every = 1.0
        for key in view.keys:
            every *= load.population(key)
        return every
    seconds = view.longest_seconds + load.row_days * DAY_SECONDS
    return load.entities(view, seconds, load.mean_events * load.share(topic.name))


def _entities(load: Load, definitions: Definitions) -> float:
    """Keys in Redis: views of the same entity share one."""
    most: dict[tuple[str, ...], float] = {}
    for topic, view in _stored(definitions):
        most[view.keys] = max(most.get(view.keys, 0.0), _rows_of(load, view, topic))
    return sum(most.values())


def _ids(load: Load, topic: Topic) -> float:
    return 2 * topic.horizon_seconds * load.mean_events * load.share(topic.name)


def _archived_bytes(load: Load, definitions: Definitions, cost: Coefficients) -> float:
    a_day = load.mean_events * DAY_SECONDS
    return sum(a_day * load.share(topic.name) * archive_bytes(topic, cost) for topic in definitions.topics)


def _refold_seconds(load: Load, definitions: Definitions, cost: Coefficients) -> float:
    events = (
        (view, load.mean_events * load.share(topic.name) * view.longest_seconds)
        for topic in definitions.topics
        for view in topic.views
    )
    return sum(count * view.features for view, count in events) * cost["stream_value_us"] / 1e6
