"""Rows of the online store from the archive and the tables alone. Imports Feast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl
from feast import FeatureStore, RepoConfig

from ingestion.archive import Archive
from ingestion.compile import compile_view
from ingestion.derive import is_windowed
from ingestion.stores import plain
from ingestion.stores.engine import limit_bytes_of, load_gate, refuse_transformation, with_dummy_entity
from ingestion.stores.latest import latest_of_windows
from ingestion.stores.push import redis_store
from ingestion.stores.sources import Source, place
from ingestion.stream.registry import event_topics
from ingestion.windows.revised import REVISED

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class RebuildError(Exception):
    """The online store cannot be rebuilt; says why and what to do."""


@dataclass(frozen=True)
class Moment:
    """The instant as of which rows are right.

    Attributes:
        end: The instant, aware.
        as_known: Whether an event counts only where it had arrived by then.
    """

    end: datetime
    as_known: bool


@dataclass(frozen=True)
class Rebuilt:
    """What became of a view.

    Attributes:
        view: Its name.
        entities: How many have a row.
        written: Rows that are in the online store now.
    """

    view: str
    entities: int
    written: int

    @property
    def kept(self) -> int:
        """Rows that were left, as the store has newer ones, or others of the same instant."""
        return self.entities - self.written


def views_of(store: FeatureStore, names: Sequence[str]) -> list[Any]:
    """Views that are served online, by name; those named, or all.

    Raises:
        RebuildError: there is none, or none of a name.
    """
    listed = [*store.list_batch_feature_views(), *store.list_stream_feature_views()]
    served = {view.name: view for view in listed if view.online and view.enabled}
    if unknown := sorted(set(names) - served.keys()):
        raise RebuildError(f"no view {unknown} is served online; there are {sorted(served)}")
    if not served:
        raise RebuildError(
            f"project {store.project!r} serves no view online; run `feast apply` in the feature repo"
        )
    return [served[name] for name in sorted(names or served)]


def moment_of(store: FeatureStore, views: Sequence[Any], clock: str, now: Callable[[], datetime]) -> Moment:
    """Now, or just behind the newest archived event where events move the windows.

    Args:
        store: The feature store.
        views: What is rebuilt; tables alone need no event.
        clock: What moves the windows: ``wall`` or ``event``.
        now: The machine's clock.

    Raises:
        RebuildError: no event was ever archived.
    """
    if not any(map(is_windowed, views)):
        return Moment(now(), as_known=True)
    archives = [topic.archive for topic in event_topics(store)]
    newest = [time for time in map(_newest_event, archives) if time is not None]
    if not newest:
        folders = ", ".join(archive.folder.url for archive in archives)
        raise RebuildError(
            f"nothing to rebuild from: {folders} hold no event; correct offline_store.root in feature_store.yaml"
        )
    if clock == "event":
        return Moment(max(newest) + _MICROSECOND, as_known=False)
    return Moment(now(), as_known=True)


def rebuild(
    store: FeatureStore, view: Any, moment: Moment, told: Callable[[int, int], None] = lambda *_: None
) -> Rebuilt:
    """Compute the rows of a view, and write those that the online store has no newer ones of.

    Entities whose windows were empty for as long as the longest of them are left out: without a row they read the same.

    Args:
        store: The feature store; its online store is ours.
        view: A view that is served online.
        moment: As of when.
        told: Called with the number of all rows and of those written since it was called last.

    Raises:
        SourceError: there are no files, or not what the view asks for.
        RedisUnavailableError: Redis is not reached.
        Exception: whatever a gate refuses the rows of a table with.
    """
    rows = with_dummy_entity(view, _let_through(store, view, _rows(store.config, view, moment)))
    counts = redis_store(store).write_columns(
        store.config, view, rows, lambda n: told(rows.height, n), equal_wins=False
    )
    return Rebuilt(view.name, rows.height, counts.written)


def _rows(config: RepoConfig, view: Any, moment: Moment) -> pl.DataFrame:
    """The newest row of each entity of a view, windowed or of a table."""
    refuse_transformation(view)
    limit_bytes, source, end = limit_bytes_of(config), Source(config, view.batch_source), moment.end
    if not is_windowed(view):
        return plain.latest(view, source, (_EPOCH, end), limit_bytes)
    start = end - compile_view(view).longest_us * _MICROSECOND
    rows = latest_of_windows(
        view, source, start, end, only_changed=False, as_known=moment.as_known, limit_bytes=limit_bytes
    )
    return rows.drop(REVISED)


def _let_through(store: FeatureStore, view: Any, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a table that pass the gate, as when it is materialized; the stream writes windows without one."""
    path = getattr(store.config.batch_engine, "gate", "")
    if not path or is_windowed(view):
        return rows
    return rows.filter(load_gate(path, place(store.config, ""))(view, rows, store.registry, store.project))


def _newest_event(archive: Archive) -> datetime | None:
    days = archive.days()
    if not days:
        return None
    begin = datetime.combine(days[-1], datetime.min.time(), UTC)
    column = archive.timestamp_column
    newest = archive.scan(begin, None, [column]).select(pl.col(column).max()).collect().item()
    return newest if isinstance(newest, datetime) else None
