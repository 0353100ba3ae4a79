"""One definition with every function over every window, and hundreds of drawn histories to hold it against the oracle with.

Every drawn history gets customers of its own, so that one archive, one `get_historical_features` and one
`feast materialize` answer for all of them.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from feast import FeatureStore, RepoConfig
from feast.aggregation import Aggregation
from hypothesis import Phase, given, settings

from feature_repo.entities import user
from ingestion.archive import Archive
from ingestion.compile import compile_view
from ingestion.derive import event_type, windowed_view
from ingestion.windows.spec import FUNCTIONS, TIMESTAMP, ViewSpec
from tests import oracle
from tests.oracle import Event
from tests.unit.ingestion.windows import strategies as drawn

Histories = dict[int, list[Event]]

SECOND = 1_000_000
START = datetime(2026, 1, 1, tzinfo=UTC)
START_US = int(START.timestamp()) * SECOND
ASKED_SECONDS = (0, 7, 20, 41, 60, 80, 100, 139)
END_SECONDS = 145
WINDOWS = ((1, 1), (10, 10), (14, 2), (30, 10), (70, 10))
"""Window and hop in seconds: of one hop and of many."""
COLUMNS = {"count": "label", "count_distinct": "label", "last": "label", "sum": "amount", "mean": "amount"}

events = event_type(
    "drawn",
    {
        "event_id": {"type": "string"},
        "event_timestamp": {"type": "string", "format": "date-time"},
        "user_id": {"type": "string"},
        "amount": {"type": "number"},
        "quantity": {"type": "integer"},
        "label": {"type": "string"},
    },
    event_id="event_id",
    optional=("amount", "quantity", "label"),
    dedup_horizon=timedelta(seconds=drawn.HORIZON_US),
    description="Drawn events.",
)
view = windowed_view(
    "drawn_view",
    entities=[user],
    events=events,
    description="Every function over every window.",
    aggregations=[
        Aggregation(
            COLUMNS.get(function, "quantity"),
            function,
            timedelta(seconds=w),
            timedelta(seconds=h),
            f"{function}_{w}_{h}",
        )
        for function in FUNCTIONS
        for w, h in WINDOWS
    ],
)


def draw(count: int) -> Histories:
    """As Hypothesis draws them: ties, repeats, late arrivals, boundary times, nulls."""
    collected: list[list[Event]] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True, database=None)
    @given(drawn.events())
    def collect(history: list[Event]) -> None:
        collected.append(history)

    collect()
    return {i: [in_seconds(i, event) for event in history] for i, history in enumerate(collected)}


def in_seconds(history: int, event: Event) -> Event:
    """The drawn event with its units as seconds since START and a customer and id of its own history."""
    return Event(
        (f"{history}_{event.key[0]}",),
        START_US + event.time * SECOND,
        START_US + event.arrival * SECOND,
        f"{history}_{event.event_id}",
        event.values,
    )


def archive(all_events: list[Event], root: Path) -> None:
    frame = pl.DataFrame(
        {
            "event_id": [e.event_id for e in all_events],
            "event_timestamp": pl.Series([e.time for e in all_events]).cast(TIMESTAMP),
            "user_id": [e.key[0] for e in all_events],
            "arrival_timestamp": pl.Series([e.arrival for e in all_events]).cast(TIMESTAMP),
            "amount": pl.Series([e.values["amount"] for e in all_events], dtype=pl.Float64),
            "quantity": pl.Series([e.values["quantity"] for e in all_events], dtype=pl.Int64),
            "label": pl.Series([e.values["label"] for e in all_events], dtype=pl.String),
        }
    )
    Archive(root, "drawn").write(frame)


def drawn_store(
    repo: Path, histories: Histories, redis: str, offline_store: dict[str, Any], batch_engine: dict[str, Any]
) -> FeatureStore:
    """A feature store over the archive of all histories, with the view applied.

    Args:
        repo: Folder of the registry and, in its folder ``data``, of the archive.
        histories: What is archived.
        redis: Address of the online store.
        offline_store: Its settings but the root.
        batch_engine: Its settings.
    """
    config = RepoConfig(
        project=f"equality_{repo.name}",
        provider="local",
        registry=str(repo / "registry.db"),
        offline_store={**offline_store, "root": "data"},
        online_store={"type": "ingestion.stores.online.RedisOnlineStore", "connection_string": redis},
        batch_engine=batch_engine,
        entity_key_serialization_version=3,
        repo_path=repo,
    )
    archive([e for history in histories.values() for e in history], repo / "data")
    store = FeatureStore(config=config)
    store.apply([user, events.stream, events.archive, view])
    return store


def spec_of(store: FeatureStore) -> ViewSpec:
    """The view as it is registered."""
    return compile_view(store.get_stream_feature_view("drawn_view"))


def hold_history_against_the_oracle(store: FeatureStore, histories: Histories) -> None:
    """Every customer of every history at instants before, between and after its events."""
    spec = spec_of(store)
    asked = [(i, f"{i}_{key}", s) for i in histories for key in drawn.KEYS for s in ASKED_SECONDS]
    rows = pl.DataFrame(
        {
            "user_id": [key for _, key, _ in asked],
            "event_timestamp": pl.Series([START_US + s * SECOND for *_, s in asked]).cast(TIMESTAMP),
        }
    )
    ours = pl.from_arrow(store.get_historical_features(rows.to_pandas(), references(spec)).to_arrow())
    assert isinstance(ours, pl.DataFrame)
    assert ours["user_id"].to_list() == rows["user_id"].to_list()
    for (i, key, s), mine in zip(asked, ours.iter_rows(named=True), strict=True):
        truth = oracle.row(spec, histories[i], (key,), START_US + s * SECOND)
        assert oracle.differences(spec, mine, truth) == {}


def hold_online_against_the_oracle(store: FeatureStore, histories: Histories, seconds: int) -> None:
    """What the online store holds so many seconds after the start, customers without events included."""
    spec = spec_of(store)
    asked = [(i, f"{i}_{key}") for i in histories for key in drawn.KEYS]
    online: dict[str, list[Any]] = store.get_online_features(
        references(spec), [{"user_id": key} for _, key in asked]
    ).to_dict()
    for row, (i, key) in enumerate(asked):
        mine = {feature.name: online[feature.name][row] for feature in spec.features}
        truth = oracle.row(spec, histories[i], (key,), START_US + seconds * SECOND)
        assert oracle.differences(spec, mine, truth) == {}


def references(spec: ViewSpec) -> list[str]:
    """All features of the view, as Feast asks for them."""
    return [f"drawn_view:{feature.name}" for feature in spec.features]
